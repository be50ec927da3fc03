package examples

import (
	"slices"
	"testing"
)

// TestQuickStart runs the programs that README.md quotes, every pair of them,
// with the client started first.
func TestQuickStart(t *testing.T) {
	all := append(slices.Clone(languages), "shell")
	for _, server := range all {
		for _, client := range all {
			t.Run(server+"-server/"+client+"-client", func(t *testing.T) {
				t.Parallel()
				c := newCell(t, "quickstart", "unix", server, client)
				viewer := c.startClient()
				c.startServer().prints("")
				viewer.prints("0 %%\n25 %%\n50 %%\n75 %%\n100 %%\n")
				c.report()
			})
		}
	}
}
