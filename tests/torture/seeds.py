"""Valid files, small and of every kind, that mutations start from."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow
from PIL import Image

import chainrule as cr
from chainrule.data.preparation import Preparation
from chainrule.onnx_export import as_model
from tests.torture.cases import Seed

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
SIDE = 8  # pixels

IMAGES = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` as an IDX file, written from the description of the format."""
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    header = struct.pack(f">HBB{array.ndim}I", 0, IDX_CODES[kind], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def idx(array: np.ndarray) -> list[Seed]:
    """The array in every type of number that fits, and compressed."""
    plain = [idx_bytes(array.astype(kind)) for kind in ("u1", "i2", "i4", "f4", "f8")]
    return [*map(Seed, plain), Seed(plain[0], gzip.compress), Seed(plain[3], gzip.compress)]


def npy_bytes(array: np.ndarray) -> bytes:
    """`array` as an NPY file, objects included."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def npy(array: np.ndarray) -> list[Seed]:
    """The array in several types of number, one in columns, and one that holds objects."""
    kinds = [array.astype(kind) for kind in ("u1", "i8", "f4", ">f8", "?", object)]
    return [Seed(npy_bytes(each)) for each in (*kinds, np.asfortranarray(array))]


def npz() -> list[Seed]:
    """Archives plain and compressed, mutated themselves and in their members."""
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:2], "y_test": LABELS[:2]}
    whole = []
    for write in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        write(stream, **arrays)
        whole.append(Seed(stream.getvalue()))
    members = [
        Seed(npy_bytes(IMAGES), _archive("x", method, y=npy_bytes(LABELS)))
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
    ]
    labels = Seed(npy_bytes(LABELS), _archive("y", zipfile.ZIP_DEFLATED, x=npy_bytes(IMAGES)))
    return [*whole, *members, labels]


def _archive(name: str, method: int, **others: bytes) -> Callable[[bytes], bytes]:
    """Makes an archive in which bytes stand under a name, beside other members."""

    def pack(content: bytes) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for member, data in {**others, name: content}.items():
                archive.writestr(f"{member}.npy", data)
        return stream.getvalue()

    return pack


def images() -> list[Seed]:
    """PNG and JPEG of every kind of pixel, and formats that are not read."""
    saved = [
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16")),
        *(("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")),
        ("JPEG", "RGB", {"progressive": True}),
        *((format_name, "RGB", {}) for format_name in ("GIF", "BMP", "TIFF", "WEBP")),
    ]
    seeds = []
    for format_name, mode, options in saved:
        stream = io.BytesIO()
        image = Image.fromarray(IMAGES[0])
        (image if mode == "I;16" else image.convert("RGB")).convert(mode).save(
            stream, format_name, **options
        )
        content = stream.getvalue()
        seeds.append(Seed(content))
        if format_name == "PNG":
            seeds.append(Seed(content, with_right_checksums))
    return seeds


def with_right_checksums(content: bytes) -> bytes:
    """A PNG whose chunks have the checksums that belong to them, so that damage is read on."""
    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        body = content[place + 4 : place + 8 + length]
        parts += [content[place : place + 4], body, zlib.crc32(body).to_bytes(4, "big")]
        place += 12 + length
    return b"".join(parts)


def texts(*contents: str) -> Callable[[], Sequence[Seed]]:
    """Texts in UTF-8."""
    return lambda: [Seed(content.encode()) for content in contents]


def zstd_bytes(content: bytes) -> bytes:
    """What a file in zstd holds."""
    with pyarrow.BufferOutputStream() as packed:
        with pyarrow.CompressedOutputStream(packed, "zstd") as stream:
            stream.write(content)
        return bytes(packed.getvalue())


def zstd() -> list[Seed]:
    """Tables in zstd, damaged within and as files."""
    contents = [content.encode() for content in (*TABLES, *TABLES_OF_WORDS)]
    packed = [Seed(zstd_bytes(content)) for content in contents]
    return [*packed, *(Seed(content, zstd_bytes) for content in contents)]


TABLES = (
    "label,length,width\n0,1.5,2\n1,-3e2,4\n1,0.25,7\n",
    "0,1,2,3\n1,255,0,9\n0,7,7,7\n",
    "\ufefflength,label\r\n1.5,0\r\n2.5,1\r\n",
    'label,"a, b","c\nd"\n"0","1",2\n1,3,4\n',
    "\n".join(
        f"{label}," + ",".join(map(str, image.ravel().tolist()))
        for label, image in zip(LABELS.tolist(), IMAGES, strict=True)
    ),
)

TABLES_OF_WORDS = (
    "Id;size;kind;label\n1;1,5;big;cat\n2;;small;dog\n3;2,25;big;cat\n",
    "kind,label,size\nbig,cat,1.5\nsmall,dog,NA\n",
    "size kind label\n1e3 ? dog\n-2 big cat\n",
)

RECORDS = (
    '{"label": "cat", "a": 1, "b": true}\n{"label": "dog", "a": null, "b": false}\n',
    '[{"label": 1, "a": 0.5, "b": "x"}, {"label": 2, "a": -3e2, "b": "y"}]',
)

CONFIGURATIONS = (
    """
data = "digits"
model = "mlp"
hidden = [128, 64]
activation = "leaky_relu(0.1)"
init = {type = "HeNormal"}
loss = "softmax_cross_entropy(label_smoothing=0.1)"
optimizer = "sgd(momentum=0.9)"
learning_rate = 1e-3
schedule = "step(10, factor=0.5)"
epochs = 12
batch_size = "full"
metrics = ["accuracy", "f1"]
validation = 0.1
seed = 3
""",
    """# a comment
data = 'points.csv'
label_column = -1
input_shape = [2]
dtype = "float64"
[optimizer]
type = "Adam"
beta1 = 0.95
[[layers]]
type = "Dense"
out_features = 8
initializer = {type = "Normal", stddev = 0.01}
[[layers]]
type = "ReLU"
""",
)

MODELS = (
    """
input_shape = [8, 8, 1]
layers = ["conv2d(4, 3, padding='same')", "relu", "maxpool2d(2)", "flatten", "dropout(0.5)",
  "dense(16, initializer=normal(0.01), regularizer=l2(1e-4))", "batch_norm", "dense(10)"]
""",
    """
input_shape = [6]
[[layers]]
type = "Dense"
out_features = 6
[[layers]]
type = "Residual"
branch = [{type = "Dense", out_features = 6}, "relu", {type = "shared", layer = 0}]
[[layers]]
type = "Concatenate"
branches = [["dense(2)", "tanh"], [{type = "Dense", out_features = 3}]]
""",
)

MAPPINGS = ("0 48\n1 49\n2 50\n", "0 65 97\n1 66 98\n2 67 99\n")

SOLUTIONS = (
    '''
import numpy as np

class Dense:
    """y = x W + b"""
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.db = dy.sum(axis=0)
        return dy @ self.W.T
''',
    "def sigmoid_prime(z):\n    s = 1 / (1 + np.exp(-z))\n    return s * (1 - s)\n",
)


def small_network() -> cr.Network:
    """A network with a layer of each kind that has arrays."""
    layers = [cr.Conv2D(2, 2), cr.BatchNorm(), cr.Flatten(), cr.Dense(3), cr.LayerNorm()]
    return cr.Network(layers, (4, 4, 1))


def onnx_models() -> list[Seed]:
    """Networks in ONNX: plain ones, and one with branches."""
    branches = [
        cr.Residual([cr.Conv2D(2, 3, padding="same"), cr.SiLU()]),
        cr.Concatenate([cr.MaxPool2D(2), cr.AveragePool2D(2)]),
        *(cr.GlobalAveragePool2D(), cr.Reshape((2, 2)), cr.Softmax()),
    ]
    networks = [
        small_network(),
        cr.Network(branches, (4, 4, 2)),
        cr.Network([cr.Dense(2), cr.Tanh(), cr.Dense(1, bias=False)], 3, dtype="float64"),
        cr.Network([cr.Dense(2)], 3),
    ]
    networks[-1].preparation = Preparation(255.0, (3,), ("a", "b"))
    return [Seed(as_model(network).SerializeToString()) for network in networks]


def torch_weights() -> list[Seed]:
    """Weights of PyTorch for `small_network`, in a safetensors file."""
    from safetensors.numpy import save

    arrays = {
        **{"0.weight": np.ones((2, 1, 2, 2)), "0.bias": np.ones(2)},
        **{"1.weight": np.ones(2), "1.bias": np.ones(2), "1.running_mean": np.ones(2)},
        **{"1.running_var": np.ones(2), "1.num_batches_tracked": np.array(3)},
        **{"3.weight": np.ones((3, 18)), "3.bias": np.ones(3)},
        **{"4.weight": np.ones(3), "4.bias": np.ones(3)},
    }
    return [Seed(save(arrays)), Seed(save({n: a.astype("float32") for n, a in arrays.items()}))]


def keras_weights() -> list[Seed]:
    """Weights of Keras for `small_network`, in an HDF5 file."""
    import h5py

    arrays = {
        "conv2d": [np.ones((2, 2, 1, 2)), np.ones(2)],
        "batch_normalization": [np.ones(2)] * 4,
        "dense": [np.ones((18, 3)), np.ones(3)],
        "layer_normalization": [np.ones(3), np.ones(3)],
    }
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, values in arrays.items():
            for number, array in enumerate(values):
                file[f"layers/{name}/vars/{number}"] = array
    return [Seed(stream.getvalue())]
