"""Tells its clients how far a job is."""

from dotfiles_socket import create_server

with create_server("unix", "quickstart") as server:
    server.wait_for_clients(1)
    for percent in range(0, 101, 25):
        server.send({"percent": percent})
