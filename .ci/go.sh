#!/usr/bin/env bash
# Checks that a Go tool chain is here that go.mod accepts. No distribution
# package is offered: most are older than what go.mod asks for.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sed -n 's/^go //p' go.mod)
if ! command -v go >/dev/null; then
	echo "missing: go. Install Go $wanted or later (go.dev/doc/install)." >&2
	exit 1
fi
if ! problem=$(go list -m 2>&1); then
	echo "Go $wanted or later is needed, this is $(go env GOVERSION): $problem" >&2
	exit 1
fi
