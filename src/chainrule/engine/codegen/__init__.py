"""From Python to vector instructions: what operations are written with.

From the ground up:

    processor        which kind of vectors this processor has, and how wide they are
    kernel           marks for functions that Numba compiles, when it is first asked to
    llvm             LLVM, which compiles for these vectors
    native           memory by its address, indivisible steps, numbers of one type throughout
    operands         what a handler sees of its instruction: operands by name, its rows, its share
    emitter          LLVM's vector instructions
    tiles            the innermost loops of matrix products, in registers
    packing          parts of matrices in the order in which tiles read them
    winograd_transforms  tiles of images and kernels, for convolutions with fewer multiplications
    library          the machine code of these three, which handlers call and do not contain
    products         matrix products, cut into blocks and tiles
    interleaved_tiles     the innermost loops for interleaved examples
    interleaved_products  products of these
    vector_products  a vector times a matrix
    transposition    matrices transposed in registers
    functions        exp, log(1 + x), the normal distribution, and what is made of them
    random           NumPy's random numbers, from any place in their sequence
"""
