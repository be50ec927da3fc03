package socket

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLargeFramesReuseChunks: frames just larger than a chunk, as 64 KiB of
// data are with their envelope, do not take new memory for each; and what is
// kept for reuse stays within the bound of the log when sizes change.
func TestLargeFramesReuseChunks(t *testing.T) {
	const bound = 1 << 20
	l := newLog(logLimits{messages: 1000, bytes: bound})
	for size := chunkSize / 2; size < bound; size += size / 3 {
		frame := plainFrame(size)
		appendOne := func() { require.NoError(t, l.append(draftOf(frame), Data, "")) }
		for range 2 * bound / size {
			appendOne()
		}
		require.Zero(t, testing.AllocsPerRun(100, appendOne), "frames of %d bytes", size)
		require.LessOrEqual(t, l.bytes, bound)
		require.LessOrEqual(t, l.spare, bound)
	}
}
