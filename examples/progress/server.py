"""The server of the progress scenario hashes every file below a directory and
tells its viewers how far it is."""

import hashlib
import os
import sys
from pathlib import Path

from dotfiles_socket import (
    MessageType,
    SocketError,
    create_message,
    create_server,
)


def main(transport: str, directory: str, viewers: int) -> None:
    os.chdir(directory)
    with create_server(transport, event_name="progress") as server:
        files = regular_files()
        print(
            f"serving progress over {transport}, files: {len(files)},"
            f" viewers expected: {viewers}",
            flush=True,
        )
        server.wait_for_clients(viewers)

        hashed = 0
        for done, file in enumerate(files, 1):
            percent = 100 * done / len(files)
            step = {
                "file": file,
                "done": done,
                "total": len(files),
                "percent": percent,
            }
            try:
                step["sha256"] = sha256(file)
            except OSError:
                step["text"] = "cannot be read"
                server.send(
                    create_message("progress", MessageType.ERROR, step)
                )
            else:
                hashed += 1
                server.send(create_message("progress", MessageType.DATA, step))
        end = {"status": "done", "files": hashed}
        server.send(create_message("progress", MessageType.CONTROL, end))
    print(f"hashed files: {hashed}")


def regular_files() -> list[str]:
    paths = Path().rglob("*")
    return sorted(
        p.as_posix() for p in paths if p.is_file() and not p.is_symlink()
    )


def sha256(file: str) -> str:
    digest = hashlib.sha256()
    with Path(file).open("rb") as content:
        while block := content.read(1 << 16):
            digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print("usage: server.py unix|tcp DIRECTORY VIEWERS", file=sys.stderr)
        sys.exit(os.EX_USAGE)
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except (SocketError, OSError, ValueError) as e:
        print(e, file=sys.stderr)
        sys.exit(os.EX_UNAVAILABLE)
