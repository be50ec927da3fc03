//go:build amd64 && !purego

#include "textflag.h"

// Where a shapeWord has what, and how large it is.
#define LIKE 0
#define MASK 16
#define AT 32
#define SIZE 48

// func sameBits(b *byte, words []shapeWord) bool
//
// X0 gathers the bits that differ. The loop takes two words at a time.
TEXT ·sameBits(SB), NOSPLIT, $0-33
	MOVQ  b+0(FP), AX
	MOVQ  words_base+8(FP), BX
	MOVQ  words_len+16(FP), CX
	PXOR  X0, X0
	TESTQ CX, CX
	JZ    done

two:
	MOVQ  AT(BX), DX
	MOVOU MASK(BX), X1
	MOVOU (AX)(DX*1), X2
	MOVOU LIKE(BX), X3
	PXOR  X3, X2
	PAND  X1, X2
	POR   X2, X0
	DECQ  CX
	JZ    done

	MOVQ  SIZE+AT(BX), DX
	MOVOU SIZE+MASK(BX), X1
	MOVOU (AX)(DX*1), X2
	MOVOU SIZE+LIKE(BX), X3
	PXOR  X3, X2
	PAND  X1, X2
	POR   X2, X0
	ADDQ  $(2*SIZE), BX
	DECQ  CX
	JNZ   two

done:
	PXOR     X1, X1
	PCMPEQB  X1, X0
	PMOVMSKB X0, AX
	CMPL     AX, $0xffff
	SETEQ    ret+32(FP)
	RET
