"""Times BERT-base under PyTorch and bench/encode in turn: 8 texts of 128 tokens, float, hidden states.

  python3 encode.py BENCH [THREADS] [ROUNDS]
  python3 encode.py --export bert_base.onnx

BENCH is the program bench/encode. Prints tokens per second of the best of all rounds, and the ratio: by processor time
with one thread, so that a neighbour counts little, by the clock with more. --export writes the same model for
encode.mjs. Weights are random: speed does not depend on what was learned.
"""
import json
import os
import subprocess
import sys
import time

exporting = sys.argv[1] == "--export"
threads = 1 if exporting or len(sys.argv) < 3 else int(sys.argv[2])
rounds = 5 if exporting or len(sys.argv) < 4 else int(sys.argv[3])
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(threads)

import torch  # after the environment that its BLAS reads
from torch import nn

clock = time.process_time if threads == 1 else time.perf_counter
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
torch.manual_seed(1)

WIDTH, LAYERS, HEADS, INNER, WORDS, POSITIONS = 768, 12, 12, 3072, 30522, 512


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.attention_norm, self.norm = nn.LayerNorm(WIDTH, 1e-12), nn.LayerNorm(WIDTH, 1e-12)

    def forward(self, x, hidden):
        def heads(linear):
            return linear(x).view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)

        scores = heads(self.query) @ heads(self.key).transpose(2, 3) * (WIDTH // HEADS) ** -0.5 + hidden
        mixed = (scores.softmax(-1) @ heads(self.value)).transpose(1, 2).reshape(x.shape)
        x = self.attention_norm(x + self.out(mixed))
        return self.norm(x + self.down(nn.functional.gelu(self.up(x))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(WORDS, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.embedding_norm = nn.LayerNorm(WIDTH, 1e-12)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))

    def forward(self, ids, mask):
        """ids and mask [texts, length], 1 = real token; hidden states [texts, length, width]."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.words(ids) + self.positions(places) + self.types.weight[0]
        x = self.embedding_norm(x)
        hidden = (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for block in self.blocks:
            x = block(x, hidden)
        return x


def library():
    """Seconds of the fastest repetition."""
    name = f"encode/bert_base/texts:8/length:128/threads:{threads}/"
    out = subprocess.run([sys.argv[1], f"--benchmark_filter={name}", "--benchmark_format=json",
                          "--benchmark_repetitions=3", "--benchmark_min_time=0.01"],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    kind = "cpu_time" if threads == 1 else "real_time"
    return min(row[kind] for row in json.loads(out)["benchmarks"] if row["run_type"] == "iteration") / 1000


def peer(model, ids, mask):
    best = float("inf")
    for _ in range(3):
        start = clock()
        model(ids, mask)
        best = min(best, clock() - start)
    return best


model = Encoder().eval()
ids = torch.arange(8 * 128).mul(7919).remainder(WORDS).view(8, 128)
mask = torch.ones_like(ids)
if exporting:
    torch.onnx.export(model, (ids, mask), sys.argv[2], opset_version=17, input_names=["ids", "mask"],
                      output_names=["hidden"],
                      dynamic_axes={name: {0: "texts", 1: "length"} for name in ("ids", "mask", "hidden")})
    sys.exit()

model(ids, mask)
times = [(peer(model, ids, mask), library()) for _ in range(rounds)]
theirs, ours = (min(each) for each in zip(*times))
print(f"PyTorch {torch.__version__}, {threads} thread(s): {1024 / theirs:.0f} tokens/s, "
      f"library {1024 / ours:.0f} tokens/s, ratio {theirs / ours:.2f}")
