# The KVM probe's guest: the last KiB of a 64 KiB firmware image.
#
# It climbs from real mode to ring 3, writes one letter to the debug console for
# each step it has really taken, and ends QEMU through isa-debug-exit. A
# hypervisor that merely interprets real mode gets no further than the first steps.
#
#   R real mode    P protected mode    L long mode with paging
#   C a loop of 10^6 iterations        I int3 through an IDT and iretq back
#   U ring 3 and back through an interrupt gate
#
# Exit values: 0x2a all steps taken (QEMU status 85), 0x2b a step gave a wrong
# result or raised an unexpected exception (status 87). A fault before the IDT
# exists resets the machine, which ends QEMU with status 0 under -no-reboot.
#
# GNU assembler, AT&T syntax, not passed through the C preprocessor. Every address is
# a difference of labels, so the object needs no linking. After a change run
# `node scripts/build-kvm-probe.mjs`.

        .set    DEBUGCON, 0xe9
        .set    DEBUG_EXIT, 0xf4
        .set    EXIT_PASSED, 0x2a
        .set    EXIT_FAILED, 0x2b

# Where these bytes lie: at the end of the segment at 0xf0000, a read-only copy
# of the image's end just below 4 GiB.
        .set    SEGMENT, 0xf000
        .set    SEGMENT_BASE, 0xf0000
        .set    CODE_OFFSET, 0xfc00
        .set    RESET_OFFSET, 0xfff0

# Guest RAM; everything the processor may write to, descriptor flags included.
        .set    RAM_START, 0x1000
        .set    RAM_END, 0xa000
        .set    PML4, 0x1000
        .set    PDPT, 0x2000
        .set    PAGE_DIRECTORY, 0x3000
        .set    IDT, 0x4000
        .set    GDT, 0x5000
        .set    TSS, 0x5100
        .set    STACK, 0x7000           # until ring 3 is entered
        .set    STACK_FROM_USER, 0x8000 # what the TSS names for ring 0
        .set    STACK_USER, 0x9000

        .set    CODE32, 0x08
        .set    DATA, 0x10
        .set    CODE64, 0x18
        .set    USER_DATA, 0x23         # 0x20, ring 3
        .set    USER_CODE64, 0x2b       # 0x28, ring 3
        .set    TSS_SELECTOR, 0x30

        .set    VECTOR_BREAKPOINT, 3
        .set    VECTOR_FROM_USER, 0x40
        .set    GATE_COUNT, VECTOR_FROM_USER + 1
        .set    GATE_RING0, 0x8e00      # present, 64-bit interrupt gate
        .set    GATE_RING3, 0xee00      # the same, callable from ring 3

        .set    LOOP_COUNT, 1000000

        .macro  letter char
        movb    $\char, %al
        outb    %al, $DEBUGCON
        .endm

# Handlers lie in the segment's upper half, so the offset's middle word is 0x000f.
        .macro  gate vector, handler, flags
        movl    $((CODE64 << 16) + \handler - code + CODE_OFFSET), IDT + 16 * \vector
        movl    $(SEGMENT_BASE + \flags), IDT + 16 * \vector + 4
        .endm

        .text
code:
        .code16
real_mode:
        cli
        cld
        letter  'R'
        xorl    %eax, %eax
        movw    %ax, %es
        movw    %ax, %ss
        movw    $STACK, %sp
        movw    %cs, %ax
        movw    %ax, %ds

        xorw    %ax, %ax
        movw    $RAM_START, %di
        movw    $(RAM_END - RAM_START) / 4, %cx
        rep stosl
        movw    $(gdt - code + CODE_OFFSET), %si
        movw    $GDT, %di
        movw    $(gdt_end - gdt) / 4, %cx
        rep movsl

        lgdtw   gdt_pointer - code + CODE_OFFSET
        movl    %cr0, %eax
        orb     $1, %al                 # PE
        movl    %eax, %cr0
        ljmpl   $CODE32, $(protected_mode - code + SEGMENT_BASE + CODE_OFFSET)

        .code32
protected_mode:
        movw    $DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $STACK, %esp
        letter  'P'

# One 2 MiB page onto itself, writable and open to ring 3, holds RAM and code.
        movl    $PDPT + 7, PML4
        movl    $PAGE_DIRECTORY + 7, PDPT
        movl    $0x87, PAGE_DIRECTORY
        movl    %cr4, %eax
        orb     $0x20, %al              # PAE
        movl    %eax, %cr4
        movl    $PML4, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       # EFER
        rdmsr
        orb     $1, %ah                 # LME
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000000, %eax       # PG
        movl    %eax, %cr0
        ljmpl   $CODE64, $(long_mode - code + SEGMENT_BASE + CODE_OFFSET)

        .code64
long_mode:
        movl    $STACK, %esp
        letter  'L'

        xorl    %edx, %edx
        movl    $LOOP_COUNT, %ecx
1:      incl    %edx
        decl    %ecx
        jnz     1b
        cmpl    $LOOP_COUNT, %edx
        jne     failed
        letter  'C'

        movl    $IDT, %edi
        movl    $GATE_COUNT, %ecx
2:      movl    $((CODE64 << 16) + failed - code + CODE_OFFSET), (%rdi)
        movl    $(SEGMENT_BASE + GATE_RING0), 4(%rdi)
        addl    $16, %edi
        decl    %ecx
        jnz     2b
        gate    VECTOR_BREAKPOINT, on_breakpoint, GATE_RING0
        gate    VECTOR_FROM_USER, on_call_from_user, GATE_RING3
        lidt    idt_pointer(%rip)

        xorl    %ebx, %ebx
        int3
after_breakpoint:
        cmpl    $1, %ebx
        jne     failed
        cmpl    $STACK, %esp
        jne     failed
        letter  'I'

        movl    $STACK_FROM_USER, TSS + 4
        movw    $104, TSS + 102         # no I/O permission map
        movw    $TSS_SELECTOR, %ax
        ltr     %ax
        movl    $STACK_USER, %edx
        leaq    user_mode(%rip), %rcx
        pushq   $USER_DATA
        pushq   %rdx
        pushq   $2                      # RFLAGS: no interrupts, no I/O from ring 3
        pushq   $USER_CODE64
        pushq   %rcx
        iretq

user_mode:
        movl    %cs, %eax
        pushq   %rax                    # touches the ring 3 stack
        popq    %rbx
        int     $VECTOR_FROM_USER
        ud2

on_breakpoint:
        leaq    after_breakpoint(%rip), %rcx
        cmpq    %rcx, (%rsp)
        jne     failed
        incl    %ebx
        iretq

# Ring 3 saw its own selector, and the processor saved it and changed stacks.
on_call_from_user:
        cmpl    $USER_CODE64, %ebx
        jne     failed
        cmpl    $USER_CODE64, 8(%rsp)
        jne     failed
        cmpl    $USER_DATA, 32(%rsp)
        jne     failed
        cmpl    $STACK_FROM_USER - 40, %esp
        jne     failed
        movl    %cs, %eax
        cmpl    $CODE64, %eax
        jne     failed
        letter  'U'
        movb    $EXIT_PASSED, %al
        jmp     exit

failed:
        movb    $EXIT_FAILED, %al
exit:
        outb    %al, $DEBUG_EXIT
3:      hlt
        jmp     3b

# Copied to RAM before use.
        .balign 8, 0
gdt:
        .quad   0
        .quad   0x00cf9b000000ffff      # CODE32
        .quad   0x00cf93000000ffff      # DATA
        .quad   0x00af9b000000ffff      # CODE64
        .quad   0x00cff3000000ffff      # USER_DATA
        .quad   0x00affb000000ffff      # USER_CODE64
        .quad   0x0000890000000067 + (TSS << 16)
        .quad   0
gdt_end:

gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   GDT
idt_pointer:
        .word   16 * GATE_COUNT - 1
        .quad   IDT

# The processor starts here, 16 bytes below 4 GiB.
        .org    RESET_OFFSET - CODE_OFFSET, 0
        .code16
reset:
        ljmpw   $SEGMENT, $(real_mode - code + CODE_OFFSET)
        .org    0x10000 - CODE_OFFSET, 0
