package main

import (
	"strings"
	"testing"
)

func TestPanicBecomesAnError(t *testing.T) {
	provoke := func() (err error) {
		defer rescueError(&err)
		var list []int
		_ = list[len(list)]
		return nil
	}
	err := provoke()
	if err == nil || !strings.Contains(err.Error(), "index out of range") || !strings.Contains(err.Error(), "TestPanicBecomesAnError") {
		t.Errorf("got %v: want the panic and where it was", err)
	}
}

func TestPanicBecomesAStatus(t *testing.T) {
	provoke := func() int {
		status := statusOK
		func() {
			defer rescue(&status)
			panic("provoked")
		}()
		return int(status)
	}
	if got := provoke(); got != int(statusInternal) {
		t.Errorf("status %d, want %d", got, int(statusInternal))
	}
}
