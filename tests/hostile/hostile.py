#!/usr/bin/env python3
"""A network of four under hostile clients and a hostile member at once, beside the same network without them.

Usage: hostile.py --quorate FILE --liar FILE [--seconds N] [--rate N] [--senders anyone|known] [--output text|json]

Honest payments are offered at a fixed rate to three validators. Hostile are, all at the same time and each from an
address of its own on loopback:

  idle      1,500 connections to the API that send nothing, opened again when they are closed
  slow      16 calls whose bodies arrive a byte a second
  unread    100 event streams and 50 answers with whole blocks that nobody reads
  stranger  an account without funds that sends records of 60 kB, one call after the other
  member    the fourth validator sends junk at the speed of the link (quorate-liar, `flooder`)

Each part has a network of its own: calm for a fifth of the time, hostile, and calm again. What is held: no validator
ends, the p99 of honest payments under attack is at most twice that of the calm parts around it, and no honest validator
takes more than 512 MB more memory than in the calm.

Exit codes: 0 all of it holds; 1 something else failed; 7 something does not hold.
"""

import argparse
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "signing"))
import sign  # noqa: E402  (the page's program, which lies beside this one)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402

MOST_P99 = 2.0
MOST_MEMORY = 512 << 20


class Ended(Exception):
    """The part is over."""


class Hostile:
    """What the hostile do until they are told to stop, each in a thread of its own."""

    def __init__(self, ports, network):
        self.ports, self.network = ports, network
        self.over = threading.Event()
        self.counts = {}
        kinds = [self.idle, self.slow, self.unread_streams, self.unread_blocks, self.stranger]
        self.threads = [
            threading.Thread(target=self.run, args=(kind, f"127.0.0.{66 + place}"), daemon=True)
            for place, kind in enumerate(kinds)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(timeout=10)

    def run(self, kind, address):
        while not self.over.is_set():
            try:
                kind(address)
            except (OSError, http.client.HTTPException):
                # Refused, closed or timed out, as it should be: once more.
                self.wait(0.2)
            except Ended:
                return

    def wait(self, seconds):
        if self.over.wait(seconds):
            raise Ended

    def count(self, what, number=1):
        self.counts[what] = self.counts.get(what, 0) + number

    def connect(self, address, port, timeout=5):
        return socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(address, 0))

    def held(self, number, address, port, request):
        """So many connections that say `request` and read nothing; those that are closed are opened again."""
        held = []
        while True:
            while len(held) < number:
                try:
                    connection = self.connect(address, port)
                    connection.sendall(request)
                    connection.setblocking(False)
                except OSError:
                    break
                held.append(connection)
                self.count(f"connections from {address}")
            self.wait(1)
            held = [connection for connection in held if self.is_open(connection, reads=not request)]

    @staticmethod
    def is_open(connection, reads):
        # What is to stay unread is not looked at: the other end closes it, and that shows as an error in the end.
        flags = 0 if reads else socket.MSG_PEEK
        try:
            if connection.recv(1, flags):
                return True
        except BlockingIOError:
            return True
        except OSError:
            pass
        connection.close()
        return False

    def idle(self, address):
        self.held(1_500, address, self.ports[0], b"")

    def unread_streams(self, address):
        self.held(100, address, self.ports[1], b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")

    def unread_blocks(self, address):
        request = (
            b"GET /v1/blocks/latest HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Accept: application/octet-stream\r\n\r\n"
        )
        self.held(50, address, self.ports[1], request)

    def slow(self, address):
        head = (
            b"POST /v1/transactions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/octet-stream\r\nContent-Length: 8000000\r\n\r\n"
        )
        calls = []
        while True:
            while len(calls) < 16:
                call = self.connect(address, self.ports[0])
                call.sendall(head)
                calls.append(call)
                self.count("slow bodies")
            self.wait(1)
            left = []
            for call in calls:
                try:
                    call.sendall(b"\0")
                    left.append(call)
                except OSError:
                    call.close()
            calls = left

    def stranger(self, address):
        key = Ed25519PrivateKey.generate()
        own = sign.address_text(sign.address_of(sign.encoded_key(sign.public_key(key))))
        calls = http.client.HTTPConnection(
            "127.0.0.1", self.ports[2], timeout=10, source_address=(address, 0)
        )
        while True:
            record = {"by": own, "type": "put_record", "keep": "log", "label": "", "metadata": "00" * 200}
            it = {
                "network": self.network,
                "parties": [own],
                "expires_at": time.time_ns() // 1_000_000 + 60_000,
                "salt": secrets.token_hex(16),
                "operations": [record | {"sha256": secrets.token_hex(32)} for _ in range(250)],
                "memo": "",
                "text_salts": [secrets.token_hex(16) for _ in range(250)],
            }
            body = sign.submission(it, sign.sign(sign.intent(it), [key]))
            calls.request("POST", "/v1/transactions", body, {"Content-Type": "application/octet-stream"})
            answer = calls.getresponse()
            answer.read()
            self.count(f"stranger's transactions answered {answer.status}")
            self.count("bytes of stranger's transactions", len(body))
            self.wait(0)


class Part:
    """One network, from its making to its end."""

    def __init__(self, arguments, name, folder):
        self.arguments, self.name, self.dir = arguments, name, folder / name
        self.liar = None

    def quorate(self, *arguments):
        command = [self.arguments.quorate, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        if done.returncode:
            raise SystemExit(f"hostile.py: {' '.join(command)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def __enter__(self):
        ports = ("--api-port", 18_400, "--p2p-port", 19_400)
        self.quorate("localnet", "up", "--dir", self.dir, "--detach", *ports)
        self.quorate("localnet", "down", "--dir", self.dir)
        for config in self.dir.glob("validator-*/config.toml"):
            text = config.read_text()
            assert 'senders = "anyone"' in text
            config.write_text(text.replace('senders = "anyone"', f'senders = "{self.arguments.senders}"'))
        self.quorate("localnet", "up", "--dir", self.dir, "--detach")
        self.quorate("localnet", "kill", "validator-4", "--dir", self.dir)
        home = self.dir / "validator-4"
        log = (home / "node.log").open("ab")
        self.liar = subprocess.Popen(
            [self.arguments.liar, "run", "--lie", "flooder", "--from-signal", "--processor", "50", "--home", home],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(),
        )
        document = json.loads((self.dir / "localnet.json").read_text())
        self.network, self.validators = document["network"], document["validators"][:3]
        self.ports = [int(validator["api"].rsplit(":", 1)[1]) for validator in self.validators]
        self.treasury = document["treasury"]["key"]
        time.sleep(3)
        return self

    def __exit__(self, *_):
        if self.liar:
            self.liar.kill()
            self.liar.wait()
        self.quorate("localnet", "down", "--dir", self.dir)
        shutil.rmtree(self.dir)

    def measure(self, seconds):
        """Honest payments for so long, and what the honest validators took meanwhile."""
        logs, disks = self.sizes("node.log"), self.sizes("chain")
        command = [self.arguments.quorate, "bench", "transfers", "--sign-ahead", "--output", "json"]
        command += ["--rate", str(self.arguments.rate), "--duration", str(seconds), "--warmup", "5"]
        command += ["--key", self.treasury, "--node", ",".join(f"http://127.0.0.1:{port}" for port in self.ports)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=seconds + 300)
        if done.returncode:
            raise SystemExit(f"hostile.py: {self.name}: exit {done.returncode}\n{done.stderr}")
        found = json.loads(done.stdout)
        status = [self.process(validator["pid"]) for validator in self.validators]
        return {
            "part": self.name,
            "seconds": seconds,
            "per_second": found["transactions_per_second"],
            "p50_ms": found["latency_ms"]["p50"],
            "p99_ms": found["latency_ms"]["p99"],
            "ended": [v["name"] for v, each in zip(self.validators, status) if each is None],
            "most_memory": max((each["memory"] for each in status if each), default=None),
            "most_files": max((each["files"] for each in status if each), default=None),
            "log_bytes": max(now - then for now, then in zip(self.sizes("node.log"), logs)),
            "chain_bytes": max(now - then for now, then in zip(self.sizes("chain"), disks)),
        }

    def sizes(self, name):
        def size(path):
            if path.is_file():
                return path.stat().st_size
            return sum(size(inner) for inner in path.iterdir()) if path.is_dir() else 0

        return [size(self.dir / validator["name"] / name) for validator in self.validators]

    @staticmethod
    def process(pid):
        """Its most memory so far and its open files; nothing if it has ended."""
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
            return {"memory": int(peak.split()[1]) << 10, "files": len(os.listdir(f"/proc/{pid}/fd"))}
        except (FileNotFoundError, StopIteration):
            return None


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("QUORATE_")}


def held(parts):
    """What does not hold, in words."""
    first, attacked, last = parts
    wrong = [f"{name} has ended" for part in parts for name in part["ended"]]
    calm = (first["p99_ms"] + last["p99_ms"]) / 2
    attacked["p99_of_calm"] = attacked["p99_ms"] / calm
    if attacked["p99_of_calm"] > MOST_P99:
        wrong.append(f"the p99 under attack is {attacked['p99_of_calm']:.1f} times that of the calm around it")
    grown = attacked["most_memory"] - min(first["most_memory"], last["most_memory"])
    if grown > MOST_MEMORY:
        wrong.append(f"a validator took {grown / 1e6:.0f} MB more memory under attack")
    return wrong


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], epilog="The head of this file says what is done and held."
    )
    parser.add_argument("--quorate", required=True, metavar="FILE", help="the node and its tools")
    parser.add_argument("--liar", required=True, metavar="FILE", help="quorate-liar")
    parser.add_argument("--seconds", type=int, default=300, metavar="N", help="of attack that count (default: 300)")
    parser.add_argument("--rate", type=int, default=2_000, metavar="N", help="honest payments a second (default: 2000)")
    parser.add_argument("--senders", choices=["anyone", "known"], default="known", help="api.senders (default: known)")
    parser.add_argument("--output", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quorate-hostile-"))
    calm = max(arguments.seconds // 5, 10)
    parts = []
    try:
        for name, seconds in [("calm", calm), ("hostile", arguments.seconds), ("calm again", calm)]:
            print(f"hostile.py: {name}, {seconds} s", file=sys.stderr)
            with Part(arguments, name.replace(" ", "-"), folder) as part:
                if name != "hostile":
                    parts.append(part.measure(seconds))
                    continue
                part.liar.send_signal(signal.SIGUSR1)
                with Hostile(part.ports, part.network) as hostile:
                    parts.append(part.measure(seconds))
                parts[-1]["done"] = hostile.counts
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = held(parts)
    if arguments.output == "json":
        json.dump({"parts": parts, "wrong": wrong}, sys.stdout, indent=2)
        print()
    else:
        print_table(parts)
        for line in wrong or ["all of it holds"]:
            print(line)
    return 7 if wrong else 0


def print_table(parts):
    print(f"{'PART':<12} {'PAYMENTS/S':>10} {'P50 MS':>7} {'P99 MS':>7} {'MEMORY MB':>9} {'FILES':>6} {'LOG KB':>7} {'CHAIN MB':>8}")
    for part in parts:
        print(
            f"{part['part']:<12} {part['per_second']:>10.0f} {part['p50_ms']:>7.0f} {part['p99_ms']:>7.0f}"
            f" {part['most_memory'] / 1e6:>9.0f} {part['most_files']:>6} {part['log_bytes'] / 1e3:>7.0f}"
            f" {part['chain_bytes'] / 1e6:>8.0f}"
        )
    print()
    for what, number in sorted(parts[1]["done"].items()):
        print(f"{what}: {number}")


if __name__ == "__main__":
    sys.exit(main())
