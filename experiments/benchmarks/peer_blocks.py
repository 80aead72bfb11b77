"""One block after the other through onnxruntime: the streaming step as an ONNX graph.

The graph takes a block and the pasts of all convolutions (or h and c) and gives the
answer and the new ones. Buffers are bound once; two bindings swap old and new state,
so a call copies nothing but the block.
"""

import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
GATES = {"jaxamp": "ifgo", "onnx": "iofg"}


def prepare(weights, hyperparameters, block, warmup, audio, answer):
    """Builds the graph, and leaves its answer to the audio, heard after silence."""
    weights = dict(np.load(weights))
    build = lstm if "hidden" in hyperparameters else wavenet
    player = Player(build(weights, hyperparameters, block), block)
    for _ in range(-(-warmup // block)):
        player.play(np.zeros(block, np.float32))
    blocks = np.load(audio).reshape(-1, block)
    np.save(answer, np.concatenate([player.play(x).copy() for x in blocks]))
    return {"nodes": player.nodes}, lambda units: seconds(player, blocks, units)


def seconds(player, blocks, units):
    """The time of each of so many blocks."""
    times = []
    for index in range(units):
        x = blocks[index % len(blocks)]
        begin = time.perf_counter()
        player.play(x)
        times.append(time.perf_counter() - begin)
    return times


class Player:
    """A session with its buffers: a block in, a block out, the state kept inside."""

    def __init__(self, model, block):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.nodes = len(model.graph.node)
        inputs = {one.name: one.shape for one in self.session.get_inputs()}
        self.x = np.zeros(inputs.pop("x"), np.float32)
        self.y = np.zeros(self.session.get_outputs()[0].shape, np.float32)
        halves = [{name: np.zeros(shape, np.float32) for name, shape in inputs.items()}
                  for _ in range(2)]  # fmt: skip
        self.buffers = [self.x, self.y, *halves]
        self.bindings = [self.bound(*halves), self.bound(*reversed(halves))]
        assert self.y.size == block

    def bound(self, old, new):
        """A binding that reads one half of the state and writes the other."""
        binding = self.session.io_binding()
        value = onnxruntime.OrtValue.ortvalue_from_numpy
        binding.bind_ortvalue_input("x", value(self.x))
        binding.bind_ortvalue_output("y", value(self.y))
        for name, past in old.items():
            binding.bind_ortvalue_input(name, value(past))
            binding.bind_ortvalue_output(f"new_{name}", value(new[name]))
        return binding

    def play(self, x):
        """The answer to one block, valid until the next."""
        self.x.reshape(-1)[:] = x
        self.session.run_with_iobinding(self.bindings[0])
        self.bindings.reverse()
        return self.y.reshape(-1)


class Graph:
    """Nodes, weights and states of a graph in the making."""

    def __init__(self):
        self.nodes, self.weights, self.states = [], [], []

    def add(self, operation, *inputs, output=None, **attributes):
        """A node with one output; the name of that."""
        name = output or f"value_{len(self.nodes)}"
        node = helper.make_node(operation, list(inputs), [name], **attributes)
        self.nodes.append(node)
        return name

    def constant(self, name, array):
        """A constant's name."""
        if name not in {weight.name for weight in self.weights}:
            self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def state(self, name, shape):
        """The name of a state's input; its output is `new_` and the name."""
        self.states.append((name, shape))
        return name

    def model(self, x_shape, y_shape):
        """The whole graph as a model."""

        def value(name, shape):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self.nodes,
            "step",
            [value("x", x_shape), *(value(*state) for state in self.states)],
            [
                value("y", y_shape),
                *(value(f"new_{name}", shape) for name, shape in self.states),
            ],
            self.weights,
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
        onnx.checker.check_model(model)
        return model


def wavenet(weights, hyperparameters, block):
    """The layer arrays, with the past of every convolution as state."""
    graph = Graph()
    x, skip = "x", None
    for index, array in enumerate(hyperparameters["arrays"]):
        x, skip = layers(graph, weights, f"array_{index}", array, block, x, skip)
    scale = graph.constant("scale", np.float32(hyperparameters["head_scale"]))
    graph.add("Mul", skip, scale, output="y")
    return graph.model([1, 1, block], [1, 1, block])


def layers(graph, weights, name, array, block, x, skip):
    """One layer array; x and the sum of what its layers say."""
    x = convolve(graph, weights, f"{name}/rechannel", x)
    for index, dilation in enumerate(array["dilations"]):
        z = stream(graph, weights, f"{name}/conv_{index}", x, dilation, block)
        z = graph.add("Add", z, convolve(graph, weights, f"{name}/mixin_{index}", "x"))
        z = activate(graph, array["activation"][index], z)
        skip = z if skip is None else graph.add("Add", skip, z)
        heard = convolve(graph, weights, f"{name}/layer1x1_{index}", z)
        x = graph.add("Add", x, heard)
    return x, stream(graph, weights, f"{name}/head", skip, 1, block)


def stream(graph, weights, name, x, dilation, block):
    """A convolution over its past and the block; the end of both is the new past."""
    _, inputs, taps = weights[f"{name}/weight"].shape
    reach = (taps - 1) * dilation
    if not reach:
        return convolve(graph, weights, name, x)
    past = graph.state(name, [1, inputs, reach])
    heard = graph.add("Concat", past, x, axis=2)
    bounds = (("starts", block), ("ends", block + reach), ("axes", 2))
    bounds = [
        graph.constant(f"{key}_{number}", np.array([number], np.int64))
        for key, number in bounds
    ]
    graph.add("Slice", heard, *bounds, output=f"new_{name}")
    return convolve(graph, weights, name, heard, dilation)


def convolve(graph, weights, name, x, dilation=1):
    """A valid convolution with the weights of that name."""
    keys = [f"{name}/{part}" for part in ("weight", "bias")]
    constants = [graph.constant(key, weights[key]) for key in keys if key in weights]
    return graph.add("Conv", x, *constants, dilations=[dilation])


def activate(graph, spec, x):
    """An activation; `{"type": "LeakyReLU", "negative_slope": s}` or a bare name."""
    spec = {"type": spec} if isinstance(spec, str) else spec
    if spec["type"] == "LeakyReLU":
        return graph.add("LeakyRelu", x, alpha=spec.get("negative_slope", 0.01))
    return graph.add(spec["type"], x)


def lstm(weights, hyperparameters, block):
    """Recurrent layers and the head, with h and c of every layer as state."""
    graph = Graph()
    y = "x"
    for index, cells in enumerate(hyperparameters["hidden"]):
        y = recurrent(graph, weights, f"layer_{index}", y, cells)
    head = graph.constant("head", weights["head/weight"][:, :, 0].T.copy())
    mixed = graph.add("MatMul", y, head)
    bias = graph.constant("bias", weights["head/bias"])
    graph.add("Add", mixed, bias, output="y")
    return graph.model([block, 1, 1], [block, 1, 1])


def recurrent(graph, weights, name, x, cells):
    """One layer; its voices `[t, 1, cells]`."""
    of_input, of_state, bias = (
        reordered(weights[f"{name}/{part}"])
        for part in ("input_weight", "recurrent_weight", "bias")
    )
    zeros = np.zeros_like(bias)  # ONNX has a second bias
    constants = [
        graph.constant(f"{name}_W", of_input[None]),
        graph.constant(f"{name}_R", of_state[None]),
        graph.constant(f"{name}_B", np.concatenate([bias, zeros])[None]),
    ]
    h, c = (graph.state(f"{name}_{part}", [1, 1, cells]) for part in "hc")
    y = f"{name}_y"
    node = helper.make_node(
        "LSTM",
        [x, *constants, "", h, c],
        [y, f"new_{h}", f"new_{c}"],
        hidden_size=cells,
    )
    graph.nodes.append(node)
    directions = graph.constant("directions", np.array([1], np.int64))
    return graph.add("Squeeze", y, directions)


def reordered(rows):
    """Rows by gate, from jaxamp's order into ONNX's."""
    gates = dict(zip(GATES["jaxamp"], np.split(rows, 4), strict=True))
    return np.concatenate([gates[gate] for gate in GATES["onnx"]])
