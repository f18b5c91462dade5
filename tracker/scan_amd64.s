#include "textflag.h"

// func scanEights(words []byte, want uint64) int
//
// Eight entries are compared at a time, by parts of two bytes. Of each entry the fourth
// is its meta, which counts as equal.
TEXT ·scanEights(SB), NOSPLIT, $0-40
	MOVQ words_base+0(FP), SI
	MOVQ words_len+8(FP), CX
	MOVQ want+24(FP), AX
	MOVQ SI, DI           // where the next eight begin
	MOVQ AX, X0
	PUNPCKLQDQ X0, X0     // what is looked for, twice
	PCMPEQB X5, X5        // ones
	MOVOU X5, X6
	PSLLL $24, X6         // ones in the place of each meta
	LEAQ (SI)(CX*1), R8   // the end
	LEAQ -64(R8), R9      // where the last eight begin
eight:
	MOVOU 0(DI), X1
	MOVOU 16(DI), X2
	MOVOU 32(DI), X3
	MOVOU 48(DI), X4
	PCMPEQW X0, X1
	PCMPEQW X0, X2
	PCMPEQW X0, X3
	PCMPEQW X0, X4
	PACKSSWB X2, X1       // a byte for each part, four for each entry
	PACKSSWB X4, X3
	POR X6, X1
	POR X6, X3
	PCMPEQL X5, X1        // ones for an entry that is equal
	PCMPEQL X5, X3
	PACKSSLW X3, X1       // two bytes for each entry
	PMOVMSKB X1, AX
	TESTL AX, AX
	JNE found
	ADDQ $64, DI
	CMPQ DI, R9
	JLS eight
	CMPQ DI, R8
	JEQ none
	MOVQ R9, DI           // some that were looked at come again
	JMP eight
found:
	BSFL AX, AX           // twice the place among the eight
	SUBQ SI, DI
	LEAQ (DI)(AX*4), AX
	SHRQ $3, AX
	MOVQ AX, ret+32(FP)
	RET
none:
	MOVQ $-1, AX
	MOVQ AX, ret+32(FP)
	RET
