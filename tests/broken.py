"""For every check, a plugin that fails it and no other: the template of its kind with one fault."""

CLASS = "@dataclass(frozen=True)\n"

Fault = list[tuple[str, str]]


def _module(body: str, init: str = "") -> tuple[str, str]:
    """A network layer `Odd` before the plugin's class."""
    lines = f"\n    def __init__(self):\n        super().__init__()\n        {init}\n" if init else ""
    return CLASS, f"class Odd(nn.Module):{lines}\n    def forward(self, x):\n        {body}\n\n\n{CLASS}"


LOSS = "return softplus(-fake).mean(-1)"
PENALTY = "return self.weight * scores.square().mean(-1)"
PACKED = "packs: ClassVar[bool] = True"
LONG = "if weight.dim() > 1:"
LOOP = "        for weight in discriminator.parameters():\n"
FAKE_END = "layers = [*self._layers(self.noise_dim), nn.Linear(self.width, math.prod(shape))]"
SCORES = "nn.Linear(self.width, 1), nn.Flatten(0)"
DRAW = 'torch.rand(self.points, 2, generator=stream(0, f"my square {name}"))'
SEE = "return images.flatten(1).float()"
GAP = "gap = fake.features.mean(0) - real.mean"
RESULT = 'return float(gap.norm() if self.norm == "euclidean" else gap.abs().max())'
QUANTISED = "return split.samples.float().div_(step).round_().mul_(step).round_().to(torch.uint8)"
TAKES = '    kinds: ClassVar[tuple[str, ...]] = ("images",)\n    given: ClassVar[tuple[str, ...]] = ("image",)'
DEAF = "class Odd(nn.Sequential):\n    def forward(self, x, given):\n        return super().forward(x)\n\n\n"

FORGETFUL = """class Memory:
    def __init__(self, once):
        self.once, self.calls = once, 0

    def __call__(self, *given):
        self.calls += 1
        return self.calls * self.once(*given)

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


"""

FAULTS: dict[str, dict[str, Fault]] = {
    "loss": {
        "finite scalars": [(LOSS, "return -fake.sigmoid().log().mean(-1)")],
        "gradients": [(LOSS, LOSS + " + real.mean(-1)")],
        "sign": [("softplus(fake)", "softplus(-fake)")],
        "batch sizes": [(LOSS, LOSS + " + 0.001 * fake.var(-1)")],
        "permutation": [
            (LOSS, "return (softplus(-fake) * torch.linspace(0.5, 1.5, fake.shape[-1])).mean(-1)"),
            ("from torch import Tensor", "import torch\nfrom torch import Tensor"),
        ],
        "precision": [(LOSS, LOSS.replace("-fake", "-fake.double()"))],
        "inputs unchanged": [(LOSS, "value = -fake.mean(-1)\n        fake.mul_(2)\n        return value")],
        "determinism": [
            (LOSS, LOSS + " + 1e-5 * torch.rand(())"),
            ("from torch import Tensor", "import torch\nfrom torch import Tensor"),
        ],
        "last axis": [(LOSS, "return softplus(-fake).mean()")],
        "200 steps on ring8": [(LOSS, LOSS + " * 1e30")],
    },
    "penalty": {
        "finite scalar": [(PENALTY, PENALTY + " * (1 if real.dim() == 2 else float('nan'))")],
        "gradients": [(PENALTY, PENALTY + ".detach()")],
        "others untouched": [("fake.detach()", "fake")],
        "batch sizes": [(PENALTY, PENALTY + " + real.var(0).mean()")],
        "permutation": [(PENALTY, PENALTY.replace("scores.", "(scores * torch.arange(len(scores)))."))],
        "precision": [(PENALTY, PENALTY + ".double()")],
        "inputs unchanged": [("scores =", "with torch.no_grad():\n            real.clamp_(-1, 1)\n        scores =")],
        "determinism": [(PENALTY, PENALTY + " + 1e-3 * torch.rand(())")],
        "memory": [
            ("    def __call__(", "    def begin(self):\n        return Memory(self.once)\n\n    def once("),
            ("@dataclass(frozen=True)", FORGETFUL + "@dataclass(frozen=True)"),
        ],
        "packs": [(PENALTY, PENALTY.replace("mean(-1)", "mean()"))],
        "scales": [(PENALTY, PENALTY + " + scores.abs().mean(-1)")],
        "200 steps on ring8": [(PENALTY, PENALTY + " * (1 if len(real) < 64 else float('nan'))")],
    },
    "constraint": {
        "acts": [(LONG, "if weight.dim() > 2:")],
        "convolutions": [(LONG, "if weight.dim() == 2:")],
        "projection": [(LONG, "weight.mul_(0.9)\n            " + LONG)],
        "finite": [
            (
                LONG,
                "if weight.dim() == 2:\n                weight[weight.abs() > 3] = torch.inf\n"
                "            elif weight.dim() > 2:",
            )
        ],
        "same parameters": [
            (LOOP, "        discriminator[-2].bias = nn.Parameter(discriminator[-2].bias.clone())\n" + LOOP)
        ],
        "gradients": [(LOOP, LOOP + "            weight.requires_grad_(False)\n")],
        "batch sizes": [
            (
                "    # def prepare",
                "    def prepare(self, discriminator):\n"
                "        kind = discriminator[1].weight.dtype if len(discriminator) == 5 and hasattr("
                "discriminator[1], 'weight') else torch.float32\n"
                "        discriminator.insert(2, nn.BatchNorm1d(16, affine=False).to(kind))\n\n    # def prepare",
            )
        ],
        "precision": [(LOOP, LOOP + "            weight.data = weight.data.float()\n")],
        "determinism": [
            (
                LOOP,
                "        odd = torch.Generator()\n        odd.seed()\n"
                + LOOP
                + "            weight.add_(1e-7 * torch.randn(weight.shape, generator=odd))\n",
            )
        ],
        "mode unchanged": [(LOOP, "        discriminator.eval()\n" + LOOP)],
        "packs": [("    # def prepare", "    def prepare(self, discriminator):\n        pass\n\n    # def prepare")],
        "200 steps on ring8": [("bound: PositiveFloat = 1.0", "bound: PositiveFloat = 1e-6")],
    },
    "architecture": {
        "shapes": [(SCORES, "nn.Linear(self.width, 1)")],
        "image range": [("nn.Tanh(), ", "")],
        "batch sizes": [(SCORES, "nn.Linear(self.width, 1), Odd()"), _module("return x.squeeze()")],
        "gradients": [
            (SCORES, "Odd(), " + SCORES),
            _module("return x", "self.unused = nn.Parameter(torch.zeros(1))"),
            ("from torch import nn", "import torch\nfrom torch import nn"),
        ],
        "conditions": [
            ('    kinds: ClassVar[tuple[str, ...]] = ("points", "images")', TAKES),
            ("def generator(self, shape: tuple[int, ...]) ->", "def generator(self, shape, given) ->"),
            ("def discriminator(self, shape: tuple[int, ...]) ->", "def discriminator(self, shape, given) ->"),
            ("return nn.Sequential(*layers)", "return Odd(*layers)"),
            ("return nn.Sequential(nn.Flatten()", "return Odd(nn.Flatten()"),
            (CLASS, DEAF + CLASS),
        ],
        "permutation": [(SCORES, "Odd(), " + SCORES), _module("return x + x[:1]")],
        "precision": [
            (SCORES, "Odd(), " + SCORES),
            _module("return x + torch.ones(1)"),
            ("from torch import nn", "import torch\nfrom torch import nn"),
        ],
        "inputs unchanged": [("nn.Flatten(), ", "nn.ReLU(inplace=True), "), ('("points", "images")', '("points",)')],
        "determinism": [
            (SCORES, "Odd(), " + SCORES),
            _module("return x + torch.rand((), dtype=x.dtype)"),
            ("from torch import nn", "import torch\nfrom torch import nn"),
        ],
        "packs": [
            (SCORES, "Odd(), " + SCORES),
            _module("return x"),
            ("    kinds:", f"    {PACKED}\n    kinds:"),
            ("from torch import nn", "import torch\nfrom torch import nn"),
        ],
        "weights": [
            (FAKE_END, FAKE_END + "\n        layers.append(Odd())"),
            _module("return x + self.shift", "self.shift = float(torch.randn(()))"),
            ("from torch import nn", "import torch\nfrom torch import nn"),
        ],
        "200 steps on ring8": [(FAKE_END, FAKE_END + "\n        layers.append(Odd())"), _module("return x * 0")],
    },
    "dataset": {
        "splits": [("torch.rand(self.points,", "torch.rand(0 if name == 'test' else self.points,")],
        "samples": [("generator=", "dtype=torch.float64, generator=")],
        "one shape": [("torch.rand(self.points, 2,", "torch.rand(self.points, 3 if name == 'test' else 2,")],
        "labels": [(") - 1)", ") - 1), torch.zeros(self.points, dtype=torch.int32)")],
        "apart": [("my square {name}", "my square")],
        "mixture": [
            (
                "    # def mixture",
                "    def mixture(self):\n        from ganbench.mixtures import Mixture\n\n"
                "        return Mixture(torch.tensor([[5.0, 5.0]]), 1.0)\n\n    # def mixture",
            )
        ],
        "determinism": [
            ('generator=stream(0, f"my square {name}")', "generator=odd"),
            ("        return {", "        odd = torch.Generator()\n        odd.seed()\n        return {"),
        ],
        "global generator": [("        return {", "        torch.manual_seed(0)\n        return {")],
        "missing data": [("        return {", '        (raw / "square.txt").read_text()\n        return {')],
    },
    "extractor": {
        "outputs": [("= ()", '= ("logits",)')],
        "variation": [("/ math.sqrt(pixels)", "* 0 / math.sqrt(pixels)")],
        "batch sizes": [(SEE, "return images.flatten(1).float().sub(images.flatten(1).float().mean(0))")],
        "inputs unchanged": [(SEE, "images.clamp_(0, 200)\n        " + SEE)],
        "determinism": [(', generator=stream(0, "my projection")', "")],
        "weights": [
            ("fixed(self, shape: tuple[int, ...])", "trained(self, train, classes, epochs)"),
            ("math.prod(shape)", "math.prod(train.samples.shape[1:])"),
            (
                "    def trained",
                "    def untrained(self, shape, classes):\n"
                "        return Projection(torch.zeros(math.prod(shape), self.features))\n\n    def trained",
            ),
            ('self.register_buffer("directions", directions)', "self.directions = directions"),
            ('self.get_buffer("directions")', "self.directions"),
        ],
    },
    "metric": {
        "finite number": [(RESULT, "return gap.norm()")],
        "few samples": [(RESULT, "1 / (len(fake) - 1)\n        " + RESULT)],
        "permutation": [(RESULT, RESULT + " + 0.05 * float(fake.features[len(fake) // 4, 0])")],
        "determinism": [
            (RESULT, RESULT + " + 1e-9 * float(torch.rand(()))"),
            ("from ganbench.evidence", "import torch\nfrom ganbench.evidence"),
        ],
        "inputs unchanged": [(GAP, "fake.features.clamp_(-1, 0.9)\n        " + GAP)],
        "direction": [('direction: ClassVar[str] = "lower"', 'direction: ClassVar[str] = "higher"')],
        "perfect": [
            ("    # def perfect", "    def perfect(self, real, samples):\n        return None\n\n    # def perfect")
        ],
    },
    "condition": {
        "conditions": [
            (QUANTISED, QUANTISED + "[..., :8]"),
            ("return given", "return torch.zeros(len(given), *split.samples.shape[1:], dtype=torch.uint8)"),
        ],
        "own sample": [(QUANTISED, QUANTISED + ".roll(1, 0)")],
        "determinism": [(QUANTISED, QUANTISED + " + torch.initial_seed() % 2")],
        "global generator": [("        step =", "        torch.manual_seed(0)\n        step =")],
        "inputs unchanged": [("        step =", "        split.samples.clamp_(1, 254)\n        step =")],
        "unfit samples": [("        step =", "        assert split.samples.shape[-1] > 2\n        step =")],
        "baseline": [('baseline: ClassVar[str] = "unchanged"', "")],
    },
    "method": {
        "complete": [("penalty: {name: r1, gamma: 1.0}", "penalty: {name: r1, gama: 1.0}")],
        "described": [("citation:", "# citation:")],
        "200 steps on ring8": [("4.0e-4", "1.0e+10"), ("1.0e-4", "1.0e+10")],
    },
}
