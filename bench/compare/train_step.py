#!/usr/bin/python3
"""A training step beside PyTorch's: the same decoder (GPT-2's, 6 layers of width 384, 6 heads, vocabulary 512, tied
embeddings), batch (12 windows of 256 tokens), clipping and AdamW, in float on one thread; the two in turn.

    bench/compare/train_step.py build/release/bench/train_step [--rounds 3] [--steps 4]

Prints tokens per second of processor time of each (on one thread that is what a machine without other work would
take), the ratio of the best rounds, and the memory that a step takes: of this library the process's peak, of PyTorch
its peak over what the process held before the model was made.
"""
import argparse, json, os, subprocess, sys, time

LAYERS, WIDTH, HEADS, VOCABULARY, WINDOW, BATCH = 6, 384, 6, 512, 256, 12


def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def peer(steps):
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # which torch.set_num_threads does not set
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
            self.register_buffer("hidden", torch.ones(WINDOW, WINDOW).triu(1).bool())

        def forward(self, x):
            heads = lambda t: t.view(BATCH, WINDOW, HEADS, WIDTH // HEADS).transpose(1, 2)
            q, k, v = map(heads, self.qkv(self.norm1(x)).split(WIDTH, dim=2))
            scores = (q @ k.transpose(2, 3)) * (WIDTH // HEADS) ** -0.5
            mixed = scores.masked_fill(self.hidden, float("-inf")).softmax(-1) @ v
            x = x + self.out(mixed.transpose(1, 2).reshape(BATCH, WINDOW, WIDTH))
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(WINDOW, WIDTH)
            self.blocks, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH)

        def forward(self, ids):
            x = self.words(ids) + self.places(torch.arange(WINDOW))
            for block in self.blocks:
                x = block(x)
            return self.norm(x) @ self.words.weight.t()

    torch.set_num_threads(1)
    torch.manual_seed(1)
    (torch.ones(64, 64) @ torch.ones(64, 64)).sum()  # its libraries are loaded
    before = resident("VmRSS")
    model = Decoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids = torch.randint(VOCABULARY, (BATCH, WINDOW + 1))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(ids[:, :-1]).view(-1, VOCABULARY), ids[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    step()
    begin = time.process_time()
    for _ in range(steps):
        step()
    seconds = time.process_time() - begin
    print(json.dumps({"tokens_per_second": steps * BATCH * WINDOW / seconds, "version": torch.__version__,
                      "memory": resident("VmHWM") - before}))


def measured(command):
    """What a program printed, and the peak of its resident memory in MiB."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed")
    return json.loads(text), usage.ru_maxrss / 1024


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program", help="the built train_step")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--steps", type=int, default=4, help="of PyTorch in each round")
    options.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    a = options.parse_args()
    if a.peer:
        return peer(a.steps)
    ours, theirs = [], []
    for _ in range(a.rounds):
        result, peak = measured([a.program, "--benchmark_filter=train_step/decoder/threads:1/",
                                 "--benchmark_format=json"])
        run = result["benchmarks"][0]
        ours.append((run["items_per_second"] * run["real_time"] / run["cpu_time"], peak))
        result, _ = measured([sys.executable, __file__, a.program, "--peer", "--steps", str(a.steps)])
        theirs.append((result["tokens_per_second"], result["memory"]))
        print(f"library {ours[-1][0]:.0f} tokens/s, {ours[-1][1]:.0f} MiB; "
              f"PyTorch {result['version']} {theirs[-1][0]:.0f} tokens/s, {theirs[-1][1]:.0f} MiB", flush=True)
    speed, memory = max(ours)[0] / max(theirs)[0], max(m for _, m in ours) / max(m for _, m in theirs)
    print(f"speed {speed:.2f} x, memory {memory:.2f} x")


if __name__ == "__main__":
    main()
