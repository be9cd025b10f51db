"""What means something in each format: mutations put it where it does not belong."""

IDX = (b"\x1f\x8b", b"\0\0\x08\1", b"\0\0\x08\3", b"\0\0\x0e\xff", b"\xff\xff\xff\xff")
NPY = (
    *(b"\x93NUMPY", b"\1\0", b"\2\0", b"\3\0", b"'descr'", b"'shape'", b"True", b"(", b")", b"{"),
    *(b"'|O'", b"'<M8[ns]'", b"'<f2'", b"'<c16'", b"'|V8'", b"('<f4', (1000000000,))", b"'<f16'"),
    *(b"(-1,)", b"(9223372036854775807,)", b"(0, 9223372036854775807)", b"(4294967296,) * 2"),
    *(b"[" * 300, b"-" * 3000, b"(4L, 3L)", b"\\N{x}", b"# -*- coding: x -*-\n"),
)
ZIP = (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"../x.npy", b"\x01\0\x1c\0")
ZSTD = (b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\xff\xff\xff\xff", b"\xa0\xff\xff\xff\x7f")
CSV = (
    *(b",", b"\n", b"\r", b'"', b'""', b";", b"\t", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3"),
    *(b"nan", b"-inf", b"1e308", b"1e-400", b"0x10", b"1_0", b"label", b"=1+1", b" ", b"-", b"+1"),
    *("\u0661\u0662".encode(), "\u2028".encode(), b"9" * 400, b"," * 5000, b"1," * 5000),
)
IMAGE = (
    *(b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL"),
    *(b"\xff\xd8", b"\xff\xd9", b"\xff\xc0", b"\xff\xc2", b"\xff\xda", b"\xff\xe1", b"\xff\xdd"),
    *(b"\x7f\xff\xff\xff", b"\0\0\x80\0", b"Exif\0\0", b"MPF\0", b"GIF89a", b"BM"),
)
TOML = (
    *(b"[", b"]", b"[[", b"{", b"}", b"=", b".", b",", b"\n", b'"', b"'", b'"""', b"'''", b"#"),
    *(b"\\u0000", b"\\uD800", b"\\UFFFFFFFF", b"nan", b"-inf", b"1979-05-27", b"07:32:00", b"true"),
    *(b"[" * 2000, b"{a=" * 2000, b"a." * 2000, b"[" + b"a." * 2000 + b"a]\n", b"a=[[[[1]]]]\n"),
    *(b"''", b"[]", b"{}", b"[1.5]", b'["x"]', b"{type = 'ReLU'}", b"{type = 'L2'}", b"'dense(2)'"),
)
DESCRIPTIONS = (
    *(b"dense(", b"conv2d(", b"residual(", b"relu", b")", b"type", b"shared", b"layer", b"=", b"*"),
    *(b"(" * 150, b"-" * 900, b"()" * 400, b"1e400", b"2j", b"b'x'", b"...", b"{[]: 1}", b"**x"),
    *(b"initializer", b"normal(", b"l2(", b"padding", b"'same'", b"kernel_size", b"None", b"False"),
)
PYTHON = (
    *(b"def ", b"backward", b"class ", b"return ", b"lambda ", b":\n", b"    ", b"\t", b"\f"),
    *(b"(" * 300, b"-" * 5000, b"x." * 5000, b"not " * 5000, b"\0", b"9" * 5000, b"# coding: x\n"),
)
JSON = (
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b"true", b"NaN", b"-Infinity", b"1e999"),
    *(
        b"[" * 3000,
        b'{"a":' * 3000,
        b"9" * 5000,
        b"-1",
        b"0",
        b"1.5",
        b'""',
        b"\\ud800",
        b"\\u0000",
    ),
    *(b'"type"', b'"shared"', b'"layer"', b'"Sequential"', b'"epoch"', b'"loss"', b'"seed"', b"{}"),
)
ONNX = (
    *(b"Conv", b"Gemm", b"Flatten", b"Reshape", b"Add", b"Concat", b"Transpose", b"MatMul"),
    *(b"MaxPool", b"AveragePool", b"Softmax", b"BatchNormalization", b"Identity", b"Constant"),
    *(b"strides", b"pads", b"dilations", b"kernel_shape", b"group", b"axis", b"auto_pad"),
    *(b"SAME_UPPER", b"\x08\xff\xff\xff\xff\x0f", b"\x08\x00", b"\xff\xff\xff\xff"),
)
HDF5 = (
    b"TREE",
    b"HEAP",
    b"SNOD",
    b"OHDR",
    b"GCOL",
    b"FRHP",
    b"\x89HDF\r\n",
    b"\xff" * 8,
    b"\0" * 8,
)
