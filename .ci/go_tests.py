"""Runs `go test -json` with the arguments given and says what happened.

A passing package is one line, a failing test is shown with all it printed, a
skipped one with its reason. The last line is "N passed, N failed, N skipped",
counting the tests without subtests of their own.
"""

import json
import subprocess
import sys
from collections import defaultdict

COUNTED = ("pass", "fail", "skip")


class Report:
    """What the events of one run add up to."""

    def __init__(self) -> None:
        self.output: defaultdict[tuple[str, str], list[str]] = defaultdict(
            list
        )
        self.results: dict[tuple[str, str], str] = {}
        self.broken: list[str] = []

    def take(self, event: dict[str, str]) -> None:
        action = event["Action"]
        key = event.get("Package", ""), event.get("Test", "")
        if action == "build-output":
            print(event["Output"], end="", flush=True)
        elif action == "output":
            self.output[key].append(event["Output"])
        elif action in COUNTED and key[1]:
            self.end_test(key, action)
        elif action in COUNTED:
            self.end_package(key[0], action)

    def end_test(self, key: tuple[str, str], action: str) -> None:
        self.results[key] = action
        text = "".join(self.output.pop(key, []))
        if action != "pass":
            print(
                f"--- {action.upper()} {key[0]} {key[1]}\n{text}",
                end="",
                flush=True,
            )

    def end_package(self, package: str, action: str) -> None:
        lines = self.output.pop((package, ""), [])
        # A test that was running when its binary died has no end of its own.
        for key in [key for key in self.output if key[0] == package]:
            lines += self.output.pop(key)
        tests_failed = any(
            result == "fail"
            for key, result in self.results.items()
            if key[0] == package
        )
        if action == "fail" and not tests_failed:
            self.broken.append(package)
        if action == "pass":
            lines = [line for line in lines if line.startswith("ok ")]
        print("".join(lines), end="", flush=True)

    def summary(self) -> str:
        parents = {
            (package, test.rpartition("/")[0])
            for package, test in self.results
        }
        leaves = [
            result
            for key, result in self.results.items()
            if key not in parents
        ]
        passed, failed, skipped = (leaves.count(action) for action in COUNTED)
        # A parent can fail by itself, and a package without any test failing.
        failed += sum(
            1
            for key, result in self.results.items()
            if key in parents
            and result == "fail"
            and not self.has_failed_child(key)
        )
        failed += len(self.broken)
        return f"{passed} passed, {failed} failed, {skipped} skipped"

    def has_failed_child(self, key: tuple[str, str]) -> bool:
        return any(
            package == key[0]
            and test.startswith(f"{key[1]}/")
            and result == "fail"
            for (package, test), result in self.results.items()
        )


def main() -> int:
    report = Report()
    with subprocess.Popen(
        ["go", "test", "-json", *sys.argv[1:]],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                report.take(json.loads(line))
            else:
                print(line, end="", flush=True)
    print(report.summary())
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
