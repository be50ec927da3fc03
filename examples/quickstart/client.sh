#!/bin/sh
# Prints how far the job is; may be started first.
python -m dotfiles_socket watch quickstart --wait --once |
    while IFS=':}' read -r _ percent _; do
        echo "$percent %"
    done
