"""The networks of `trainer/src/net` in PyTorch, layer for layer and with the same names of parameters.

    net = twin.build("k2c2", "0.1M")
    logits = net(x)                          # x [batch, 96, frames] -> [batch, 50, windows]
    twin.parameters(net)["layer1.weight"]    # as `Network::parameters` names and shapes them

`build(..., plane=True)` gives k2c1 as it is printed in the paper, with a first kernel of 96 x 4 over one channel, instead
of one of 4 over 96 channels: the same sums. Pooling comes before ELU: ELU rises, so the result is the same, and sooner
there.
"""
import torch
from torch import nn
from torch.nn import functional as F

BUDGETS = ["0.1M", "0.25M", "0.5M", "1M", "3M"]
MODELS = ["k1c2", "k2c1", "k2c2", "crnn", "crnn-attention"]
FRAMES = 1366  # what all but k2c1 hear, which slides

# Rows of the paper's table of widths, one number per budget.
K1C2 = [15, 23, 33, 47, 81], [30, 47, 66, 95, 163]
K2C1 = [43, 72, 106, 152, 265], [87, 145, 212, 304, 535]
K2C2 = [20, 33, 47, 67, 118], [41, 66, 95, 135, 236], [62, 100, 142, 203, 355], [83, 133, 190, 271, 473]
CRNN = [30, 48, 68, 96, 169], [60, 96, 137, 195, 339]


class Normalised(nn.Module):
    """A convolution's weight with the batch norm that follows it."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.gamma = nn.Parameter(torch.ones(shape[0]))
        self.beta = nn.Parameter(torch.zeros(shape[0]))
        self.register_buffer("running_mean", torch.zeros(shape[0]))
        self.register_buffer("running_variance", torch.ones(shape[0]))

    def norm(self, x):
        moments = self.running_mean, self.running_variance
        return F.batch_norm(x, *moments, self.gamma, self.beta, self.training, momentum=0.1, eps=1e-5)


class Time(Normalised):
    """Convolution over time without padding; a plane that comes in is flattened, channels before bands."""

    def __init__(self, inputs, outputs, kernel, pool):
        super().__init__(outputs, inputs, kernel)
        self.pool = pool

    def forward(self, x):
        y = self.norm(F.conv1d(x.flatten(1, -2), self.weight))
        return F.elu(F.max_pool1d(y, self.pool) if self.pool > 1 else y)


class Plane(Normalised):
    """Convolution over bands and time, `(k - 1) // 2` zeros before and `k // 2` after on either axis when `padded`."""

    def __init__(self, inputs, outputs, kernel, pool, dropout=0.0, padded=True):
        super().__init__(outputs, inputs, *kernel)
        self.pool, self.dropout = pool, dropout
        before, after = ([(k - 1) // 2 for k in kernel], [k // 2 for k in kernel]) if padded else ([0, 0], [0, 0])
        # What the convolution cannot do itself, being more after than before.
        self.padding, self.more = before, [after[1] - before[1], after[0] - before[0]]

    def forward(self, x):
        if x.dim() == 3:
            x = x.unsqueeze(1)
        if any(self.more):
            bands, time = self.padding
            y = F.conv2d(F.pad(x, (time, time + self.more[0], bands, bands + self.more[1])), self.weight)
        else:
            y = F.conv2d(x, self.weight, padding=self.padding)
        y = self.norm(y)
        y = F.elu(F.max_pool2d(y, self.pool) if max(self.pool) > 1 else y)
        return F.dropout(y, self.dropout, self.training) if self.dropout else y


class Recurrent(nn.Module):
    """GRU, [batch, channels, frames] to [batch, outputs, frames]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.gru = nn.GRU(inputs, outputs, batch_first=True)

    def forward(self, x):
        return self.gru(x.flatten(1, -2).transpose(1, 2))[0].transpose(1, 2)


class LastState(nn.Module):
    def forward(self, x):
        return x[:, :, -1:]


class Attention(nn.Module):
    """Mean of the states weighted by the softmax of `score . tanh(weight h + bias)`."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(width))
        self.score = nn.Parameter(torch.randn(width) / width**0.5)

    def weigh(self, x):
        """The weights [batch, frames]."""
        return torch.softmax(torch.tanh(F.linear(x.transpose(1, 2), self.weight, self.bias)) @ self.score, dim=1)

    def forward(self, x):
        return x @ self.weigh(x).unsqueeze(2)


class Output(nn.Module):
    """A product and a bias."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.conv1d(x.flatten(1, -2), self.weight, self.bias)


class Net(nn.Module):
    def __init__(self, layers, padding=0):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.padding = padding

    def forward(self, x):
        x = F.pad(x, (self.padding, self.padding)) if self.padding else x
        for layer in self.layers:
            x = layer(x)
        return x


def build(model, budget, tags=50, bands=96, pools=(4, 4, 4, 4), plane=False):
    """The network of the paper's table; `pools` are k2c1's, over time."""
    b = BUDGETS.index(budget)
    padding = 0
    if model == "k2c1":
        narrow, wide = K2C1[0][b], K2C1[1][b]
        widths = [bands, narrow, narrow, narrow, wide, wide, wide, wide]
        shapes = [(4, pool) for pool in (*pools, 1)] + [(1, 1)] * 2
        layers = []
        for i, (kernel, pool) in enumerate(shapes):
            inputs, outputs = widths[i], widths[i + 1]
            if plane and i == 0:
                layers.append(Plane(1, outputs, (bands, kernel), (1, pool), padded=False))
            elif plane:
                layers.append(Plane(inputs, outputs, (1, kernel), (1, pool), padded=False))
            else:
                layers.append(Time(inputs, outputs, kernel, pool))
        last = wide
    elif model == "k1c2":
        narrow, wide = K1C2[0][b], K1C2[1][b]
        widths = [1, narrow, narrow, wide, wide]
        layers = [Plane(widths[i], widths[i + 1], (1, 8), (1, pool)) for i, pool in enumerate((4, 5, 8, 8))]
        layers += [Time(wide * bands, wide, 1, 1), Time(wide, wide, 1, 1)]
        last = wide
    elif model == "k2c2":
        widths = [1, K2C2[0][b], K2C2[1][b], K2C2[1][b], K2C2[2][b], K2C2[3][b]]
        pools = (2, 4), (2, 4), (2, 4), (3, 5), (4, 4)
        layers = [Plane(widths[i], widths[i + 1], (3, 3), pool) for i, pool in enumerate(pools)]
        last = widths[-1]
    elif model in ("crnn", "crnn-attention"):
        state, rest = CRNN[0][b], CRNN[1][b]
        widths, padding = [1, state, rest, rest, rest], 37
        pools = (2, 2), (3, 3), (4, 4), (4, 4)
        layers = [
            Plane(widths[i], widths[i + 1], (3, 3), pool, dropout=0.1 if i < 3 else 0.0)
            for i, pool in enumerate(pools)
        ]
        layers += [Recurrent(rest, state), Recurrent(state, state)]
        layers.append(Attention(state) if model == "crnn-attention" else LastState())
        last = state
    else:
        raise ValueError(f"no network {model}: {', '.join(MODELS)}")
    return Net([*layers, Output(last, tags)], padding)


def _named(tensors):
    for name, tensor in tensors:
        _, layer, name = name.split(".", 2)
        yield f"layer{int(layer) + 1}.{name.removeprefix('gru.').removesuffix('_l0')}", tensor


def parameters(net):
    """Parameters by the names that `Network::parameters` gives them."""
    return dict(_named(net.named_parameters()))


def buffers(net):
    """Running moments by the names that `Network::buffers` gives them."""
    return dict(_named(net.named_buffers()))
