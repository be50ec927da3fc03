package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Every export recovers before it does anything else, and makes room on its
// stack for a signal handler of the host, itself or through find.
func TestExportsRescueAndMakeRoom(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	exports := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Doc == nil || !strings.Contains(f.Doc.List[len(f.Doc.List)-1].Text, "//export") {
				continue
			}
			exports++
			calls := map[string]bool{}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if called, ok := call.Fun.(*ast.Ident); ok {
						calls[called.Name] = true
					}
				}
				return true
			})
			if !startsWithRescue(f.Body.List) {
				t.Errorf("%s: %s does not defer rescue first", name, f.Name.Name)
			}
			if !calls["find"] && !calls["makeRoom"] {
				t.Errorf("%s: %s calls neither find nor makeRoom", name, f.Name.Name)
			}
		}
	}
	if exports < 20 {
		t.Errorf("only %d exports were found", exports)
	}
}

// startsWithRescue: only declarations may stand before it.
func startsWithRescue(body []ast.Stmt) bool {
	for _, s := range body {
		switch s := s.(type) {
		case *ast.DeclStmt:
		case *ast.DeferStmt:
			called, ok := s.Call.Fun.(*ast.Ident)
			return ok && called.Name == "rescue"
		default:
			return false
		}
	}
	return false
}

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
