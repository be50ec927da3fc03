"""Draws how far the job of the event "progress" is, run after run."""

import contextlib

from dotfiles_socket import MessageType, create_client
from rich.progress import Progress


def main() -> None:
    viewer = create_client("unix", "progress", wait_for_server=True)
    with viewer, Progress() as progress:
        task = progress.add_task("waiting for the job", total=None)
        for message in viewer:
            data = message.data
            if message.message_type is MessageType.CONTROL:
                progress.update(task, description="waiting for the next")
                continue
            if message.message_type is MessageType.ERROR:
                progress.console.print(f"{data['file']}: {data['text']}")
            progress.update(
                task,
                description=data["file"],
                completed=data["done"],
                total=data["total"],
            )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
