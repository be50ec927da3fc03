#!/usr/bin/env bash
# compile.sh FILE [address|thread]: makes the library, with its debug
# information, of the Go module around this script: that of the tree, or of a
# source distribution. With a sanitizer it is for programs that have it too.
set -euo pipefail

file=$(realpath -m "$1") sanitizer=${2:-}
cd "$(dirname "$0")/.."
mkdir -p "$(dirname "$file")"
overlay=$(dirname "$file")/signals.json
.ci/signals.sh "$overlay"

major=$(sed -n 's/^#define LIBSOCKET_VERSION_MAJOR //p' include/libsocket.h)
# The map keeps all but libsocket_* inside; an undefined symbol or a text
# relocation is an error here and not at load time.
link="-Wl,-soname,libsocket.so.$major -Wl,--version-script=$PWD/capi/libsocket.map \
-Wl,-z,relro -Wl,-z,now -Wl,-z,text -Wl,--build-id=sha1"
cflags='-O2 -g' flags=()
case $sanitizer in
'') link+=' -Wl,-z,defs' ;;
address) flags+=(-asan) ;; # Go tells it of what it reads and writes
thread)
	# cgo tells it what happens before what at the boundary.
	cflags+=' -fsanitize=thread'
	export CGO_LDFLAGS=-fsanitize=thread
	;;
*)
	echo "compile.sh: no sanitizer $sanitizer" >&2
	exit 2
	;;
esac

# go build does not notice a change in a header outside the package, so the
# header's checksum goes into the flags. The header Go generates is dropped:
# include/libsocket.h is the only one.
header=$(cksum <include/libsocket.h | cut -d' ' -f1)
CGO_CFLAGS="$cflags -DLIBSOCKET_HEADER=$header" go build "${flags[@]}" \
	-trimpath -buildvcs=false -buildmode=c-shared -overlay "$overlay" \
	-ldflags "-extldflags '$link'" -o "$file" ./capi
rm -f "${file%.so}.h"
