#!/usr/bin/python3
"""A training step beside PyTorch's: the same decoder (GPT-2's, 6 layers of width 384, 6 heads, vocabulary 512, tied
embeddings), batch (12 windows of 256 tokens), clipping and AdamW, on one thread; the two in turn, each in float and
with products in bfloat16, which PyTorch calls autocast. Without OpenBLAS Debian's PyTorch takes minutes for a step,
and on a processor that OpenBLAS does not know several times as long as with the right OPENBLAS_CORETYPE (SkylakeX for
any with AVX-512).

    bench/compare/train_step.py build/release/bench/train_step [--rounds 3] [--steps 4]

Prints tokens per second of processor time of each (on one thread that is what a machine without other work would
take), the ratios of the best rounds, and the memory that a step takes: of this library the process's peak, of PyTorch
its peak over what the process held before the model was made.
"""
import argparse, json, os, subprocess, sys, time

LAYERS, WIDTH, HEADS, VOCABULARY, WINDOW, BATCH = 6, 384, 6, 512, 256, 12


def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def peer(steps, autocast):
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
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.float().view(-1, VOCABULARY), ids[:, 1:].reshape(-1))
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


def library_step(program, kind):
    result, memory = measured([program, f"--benchmark_filter=train_step/decoder/{kind}threads:1/",
                               "--benchmark_format=json"])
    run = result["benchmarks"][0]
    return run["items_per_second"] * run["real_time"] / run["cpu_time"], memory


def peer_step(a, *kind):
    result, _ = measured([sys.executable, __file__, a.program, "--peer", "--steps", str(a.steps), *kind])
    return result["tokens_per_second"], result["memory"], result["version"]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program", help="the built train_step")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--steps", type=int, default=4, help="of PyTorch in each round")
    options.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--autocast", action="store_true", help=argparse.SUPPRESS)
    a = options.parse_args()
    if a.peer:
        return peer(a.steps, a.autocast)
    works = {
        "library float": lambda: library_step(a.program, ""),
        "library bfloat16": lambda: library_step(a.program, "bf16/"),
        "PyTorch float": lambda: peer_step(a),
        "PyTorch autocast": lambda: peer_step(a, "--autocast"),
    }
    rounds = [{name: work() for name, work in works.items()} for _ in range(a.rounds)]
    print("PyTorch", rounds[0]["PyTorch float"][2])
    best = {name: (max(each[name][0] for each in rounds), max(each[name][1] for each in rounds)) for name in works}
    for name, (speed, memory) in best.items():
        print(f"{name}: {speed:.0f} tokens/s, {memory:.0f} MiB")
    for ours in list(works)[:2]:
        for theirs in list(works)[2:]:
            speed, memory = (best[ours][i] / best[theirs][i] for i in (0, 1))
            print(f"{ours} beside {theirs}: speed {speed:.2f} x, memory {memory:.2f} x")


if __name__ == "__main__":
    main()
