"""Prints how far the job is; may be started first."""

from dotfiles_socket import create_client

with create_client("unix", "quickstart", wait_for_server=True) as client:
    for message in client.receive_iter():
        print(f"{message.data['percent']} %")
        if message.data["percent"] == 100:
            break
