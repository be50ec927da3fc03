#!/bin/sh
# Tells its clients how far a job is.
for percent in 0 25 50 75 100; do
    echo "{\"percent\": $percent}"
done | python -m dotfiles_socket serve quickstart --wait 1
