#!/usr/bin/env python3
"""vectors.py FRAMES.JSON - prints the golden vectors for payload_vectors_test.

A vector is a block of lines, closed by an empty one:

    frame NAME | refused NAME     (refused: every receiver drops it)
    ...                           the body, as in payload_script.h
    hex HEX                       the body, as it must be on the wire

    malformed NAME
    hex HEX

Long vectors come as a rule and a checksum: the rule is carried out here, with
an encoder that shares nothing with the C code, and held against the checksum.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

Value = dict[str, Any]  # {"t": kind, "v": ...}, as in the JSON
Form = tuple[int, str]  # first byte, struct code of the number behind it


def expand(value: Value) -> Value:
    """Replaces "repeat" and "rule" of a long value by what they stand for."""
    kind = value["t"]
    n: Any = value.get("n")
    if kind == "str" and "repeat" in value:
        return {"t": "str", "v": value["repeat"] * n}
    if kind == "list" and "repeat" in value:
        return {"t": "list", "v": [value["repeat"]] * n}
    if kind == "map" and "rule" in value:
        pairs = [
            [{"t": "str", "v": f"k{i}"}, {"t": "int", "v": str(i)}]
            for i in range(n)
        ]
        return {"t": "map", "v": pairs}
    if kind == "bin" and "rule" in value:
        return {
            "t": "bin",
            "v": bytes((i * 7 + 3) % 256 for i in range(n)).hex(),
        }
    return value


def head(
    n: int, fix: tuple[int, int] | None, forms: tuple[Form, ...]
) -> bytes:
    """The head of a str, bin, array or map of n, in its shortest form."""
    if fix is not None and n < fix[1]:
        return bytes([fix[0] + n])
    for first, code in forms:
        if n < 1 << 8 * struct.calcsize(code):
            return struct.pack(f">B{code}", first, n)
    raise ValueError(n)


def integer(n: int) -> bytes:
    if -32 <= n < 128:
        return struct.pack("b" if n < 0 else "B", n)
    if n < 0:
        forms = ((0xD0, "b"), (0xD1, "h"), (0xD2, "i"), (0xD3, "q"))
    else:
        forms = ((0xCC, "B"), (0xCD, "H"), (0xCE, "I"), (0xCF, "Q"))
    for first, code in forms:
        try:
            return struct.pack(f">B{code}", first, n)
        except struct.error:
            continue
    raise ValueError(n)


def scalar(value: Value) -> tuple[str, bytes]:
    """The line and the encoding of a value that holds no other."""
    kind = value["t"]
    v: Any = value.get("v")
    if kind == "nil":
        return "nil", b"\xc0"
    if kind == "bool":
        return str(v).lower(), b"\xc3" if v else b"\xc2"
    if kind == "int":
        return f"int {v}", integer(int(v))
    if kind == "float":
        return f"double {value['bits']}", b"\xcb" + bytes.fromhex(
            value["bits"]
        )
    if kind == "str":
        data = v.encode()
        forms = ((0xD9, "B"), (0xDA, "H"), (0xDB, "I"))
        return f"str {data.hex()}", head(len(data), (0xA0, 32), forms) + data
    if kind == "bin":
        data = bytes.fromhex(v)
        return f"bin {v}", head(
            len(data), None, ((0xC4, "B"), (0xC5, "H"), (0xC6, "I"))
        ) + data
    if kind == "ext":
        data = bytes.fromhex(v)
        return f"raw {v}", data
    if kind == "timestamp":
        data = b"\xd7\xff" + struct.pack(">Q", value["ns"] << 34 | value["s"])
        return f"raw {data.hex()}", data
    raise ValueError(kind)


def encode(value: Value, lines: list[str], body: bytearray) -> None:
    value = expand(value)
    if value["t"] == "map":
        lines.append("map")
        body += head(len(value["v"]), (0x80, 16), ((0xDE, "H"), (0xDF, "I")))
        for pair in value["v"]:
            encode(pair[0], lines, body)
            encode(pair[1], lines, body)
        lines.append("end")
    elif value["t"] == "list":
        lines.append("array")
        body += head(len(value["v"]), (0x90, 16), ((0xDC, "H"), (0xDD, "I")))
        for item in value["v"]:
            encode(item, lines, body)
        lines.append("end")
    else:
        line, data = scalar(value)
        lines.append(line)
        body += data


def message(vector: Value) -> Value:
    """The body of a vector as one typed value, its five keys in order."""
    fields = vector["message"]
    if vector["name"] == "ext":  # recorded as the pair [type, data]
        pair = fields["data"]["v"][0]
        pair[1] = {"t": "ext", "v": "d505" + pair[1]["v"][1]["v"]}
    pairs = []
    for key in (
        "event_name",
        "timestamp_ms",
        "timestamp_iso",
        "message_type",
        "data",
    ):
        value = fields[key]
        if key == "timestamp_ms":
            value = {"t": "int", "v": str(value)}
        elif key != "data":
            value = {"t": "str", "v": value}
        pairs.append([{"t": "str", "v": key}, value])
    return {"t": "map", "v": pairs}


def show_frame(vector: Value) -> None:
    lines: list[str] = []
    body = bytearray()
    encode(message(vector), lines, body)
    frame = struct.pack(">I", len(body)) + body
    if (
        len(frame) != vector["frame_len"]
        or hashlib.sha256(frame).hexdigest() != vector["sha256"]
    ):
        raise SystemExit(
            f"{vector['name']}: vectors.py does not produce the recorded frame"
        )
    print(
        "frame" if vector["decode_client"] == "ok" else "refused",
        vector["name"],
    )
    print("\n".join(lines))
    print("hex", body.hex(), end="\n\n")


def show_malformed(vector: Value) -> None:
    """Only those that are one whole frame: the others never reach a reader."""
    if vector["name"] == "depth_10000":
        frame = bytes.fromhex(vector["frame_hex_head"])
        frame = (
            frame[: frame.rindex(b"\xa4data") + 5] + b"\x91" * 10000 + b"\xc0"
        )
        if hashlib.sha256(frame).hexdigest() != vector["sha256"]:
            raise SystemExit(
                "depth_10000: vectors.py does not produce the recorded frame"
            )
    else:
        frame = bytes.fromhex(vector["frame_hex"])
    if len(frame) > 4 and struct.unpack(">I", frame[:4])[0] == len(frame) - 4:
        print("malformed", vector["name"])
        print("hex", frame[4:].hex(), end="\n\n")


def main() -> None:
    vectors = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for vector in vectors["frames"]:
        show_frame(vector)
    for vector in vectors["malformed"]:
        show_malformed(vector)


if __name__ == "__main__":
    main()
