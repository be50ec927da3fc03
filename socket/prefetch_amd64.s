//go:build amd64 && !purego

#include "textflag.h"

// The assembler does not know PREFETCHW. Processors that do not know it either
// pass over it.
#define PREFETCHW_CX BYTE $0x0f; BYTE $0x0d; BYTE $0x09
#define PREFETCHW_64_CX BYTE $0x0f; BYTE $0x0d; BYTE $0x49; BYTE $0x40
#define PREFETCHW_128_CX BYTE $0x0f; BYTE $0x0d; BYTE $0x89; LONG $128

// func prefetch(p *byte, offset int)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), CX
	ADDQ offset+8(FP), CX
	PREFETCHW_CX
	PREFETCHW_64_CX
	PREFETCHW_128_CX
	RET
