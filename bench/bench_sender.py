"""What a payment packet costs our sender, and how its window fills a path.

Run: python -m bench.bench_sender [packets]

One row per step of a sender's packet, median of single packets in microseconds: the machine alone
(build the Prepare, process its Fulfill), and with the ILP encoding and decoding around it. Elapsed
time counts what other processes take; CPU time, less what reading its clock costs, does not. The
first row is one bare AES-GCM encryption, 0.5 on an idle core of the machine this was written on: it
tells how busy the machine is. With node and the npm packages of tests/differential installed, the
reference sender's figure stands beside ours.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ilpkit.ilp.packet import Fulfill, decode_reply, encode_prepare, encode_reply
from ilpkit.money import Ratio
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.plan import FixedSend
from ilpkit.stream.receiver import Incoming
from ilpkit.stream.sender import PaymentDone, PaymentSender, SenderOutput

from bench.packet_timing import cipher, median_us, print_load
from tests.support.stream_wire import START_MS, SimulatedPath, Wire, counted_bytes

Clock = Callable[[], int]
"""Nanoseconds, elapsed or of CPU."""
PACKETS_DEFAULT = 20_000
ROOT = Path(__file__).resolve().parents[1]
NODE_MODULES = ROOT / "tests" / "differential" / "node_modules"

# The reference sender's packet, without its pacing: build, seal, encode; then decode and open.
NODE_BENCH = """
const { generateKeys, RequestBuilder } = require('@interledger/pay/dist/src/request')
const { Packet, StreamMoneyFrame } = require('ilp-protocol-stream/dist/src/packet')
const { deserializeIlpPrepare, serializeIlpFulfill } = require('ilp-packet')
const { hmac, generateEncryptionKey, generateFulfillmentKey, Int } =
  require('@interledger/pay/dist/src/utils')
const secret = Buffer.alloc(32, 7)
const encryptionKey = generateEncryptionKey(secret)
const fulfillmentKey = generateFulfillmentKey(secret)
const packets = +process.argv[1]
let ready
const plugin = { sendData: async () => ready }
async function main () {
  const samples = []
  for (let n = 0; n < packets; n++) {
    const word = await new Packet(n, 13, '1000', []).serializeAndEncrypt(encryptionKey)
    let receiving = 0
    const send = generateKeys({ sendData: async (raw) => {
      const started = process.hrtime.bigint()
      const prepare = deserializeIlpPrepare(raw)
      const fulfillment = hmac(fulfillmentKey, prepare.data)
      const reply = serializeIlpFulfill({ fulfillment, data: word })
      receiving = Number(process.hrtime.bigint() - started)
      return reply
    } }, secret)
    const started = process.hrtime.bigint()
    const request = new RequestBuilder()
      .setSequence(n).setDestinationAddress('test.receiver.' + 'a'.repeat(90))
      .setSourceAmount(Int.from(1000)).setMinDestinationAmount(Int.from(990))
      .setExpiry(new Date(Date.now() + 20000)).enableFulfillment()
      .addFrames(new StreamMoneyFrame(1, 1)).build()
    const reply = await send(request)
    if (!reply.isFulfill()) throw new Error('rejected')
    samples.push(Number(process.hrtime.bigint() - started) - receiving)
  }
  samples.splice(0, packets / 5)
  samples.sort((a, b) => a - b)
  console.log(JSON.stringify({ median: samples[samples.length >> 1] / 1000,
    p95: samples[Math.floor(samples.length * 0.95)] / 1000 }))
}
main()
"""


def quantiles(samples: list[float]) -> tuple[float, float]:
    ordered = sorted(samples)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)]


def row(name: str, elapsed: tuple[float, float], cpu: float | None) -> None:
    median, p95 = elapsed
    print(f"{name:<58}{median:>9.1f}{p95:>9.1f}{'-' if cpu is None else f'{cpu:.1f}':>9}")


def clock_cost(clock: Clock) -> float:
    """What two readings in a row say of nothing, in microseconds."""
    return statistics.median(-clock() + clock() for _ in range(1_000)) / 1_000


def measure(packets: int, *, with_ilp_codec: bool, clock: Clock) -> tuple[float, float]:
    """One packet in flight at a time: the time of the sender's own work for each."""
    path = SimulatedPath()
    sender = PaymentSender(
        keys=path.keys,
        destination=path.credentials.ilp_address,
        target=FixedSend(packets * 1_000, Ratio(99, 100)),
        random_bytes=os.urandom,
        max_packet_amount=1_000,
    )
    waiting: list[SenderOutput] = list(sender.start(START_MS))
    readings = 2 if with_ilp_codec else 1
    cost = clock_cost(clock) * readings
    samples: list[float] = []
    while waiting:
        sent = waiting.pop(0)
        if not isinstance(sent, SendPrepare):
            break
        encode_ns = 0
        if with_ilp_codec:
            started = clock()
            encode_prepare(sent.prepare)
            encode_ns = clock() - started
        incoming = path.receiver.open(sent.prepare)
        if not isinstance(incoming, Incoming) or not incoming.fulfillable:
            break
        reply = incoming.fulfill()
        raw = encode_reply(reply)
        started = clock()
        answer = decode_reply(raw) if with_ilp_codec else reply
        assert isinstance(answer, Fulfill)
        outputs = sender.on_reply(sent.request_id, answer, START_MS)
        elapsed = clock() - started + encode_ns
        # While the window opens, a reply builds two packets; the steady state builds one.
        if len(outputs) == 1:
            samples.append(elapsed / 1_000 - cost)
        waiting.extend(outputs)
    return quantiles(samples)


def measure_cipher(times: int) -> tuple[float, float]:
    """How fast the machine is at this moment."""
    encrypt = cipher()
    samples: list[float] = []
    for _ in range(times):
        started = time.perf_counter_ns()
        encrypt()
        samples.append((time.perf_counter_ns() - started) / 1_000)
    return quantiles(samples)


def print_ours(name: str, packets: int, *, with_ilp_codec: bool) -> None:
    elapsed = measure(packets, with_ilp_codec=with_ilp_codec, clock=time.perf_counter_ns)
    cpu, _ = measure(packets, with_ilp_codec=with_ilp_codec, clock=time.process_time_ns)
    row(name, elapsed, cpu)


def measure_node(packets: int) -> tuple[float, float] | None:
    if not NODE_MODULES.is_dir():
        return None
    done = subprocess.run(
        ["node", "-e", NODE_BENCH, str(packets)],
        cwd=NODE_MODULES.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        print(f"node: {done.stderr.strip()[-300:]}")
        return None
    result = json.loads(done.stdout)
    return result["median"], result["p95"]


def payment_in_virtual_time(latency_ms: int) -> None:
    """How long 1,000 packets take over a good path: round trips, not computing."""
    path = SimulatedPath(max_packet=1_000, latency_ms=latency_ms)
    sender = PaymentSender(
        keys=path.keys,
        destination=path.credentials.ilp_address,
        target=FixedSend(1_000_000, Ratio(1, 1)),
        random_bytes=counted_bytes(),
        max_packet_amount=1_000,
    )
    wire = Wire(sender, path, done_type=PaymentDone)
    wire.run()
    elapsed = wire.now_ms - START_MS
    print(
        f"  round trip {latency_ms:>4} ms: {elapsed:>6} ms, {elapsed / latency_ms:.0f} round trips,"
        f" at most {path.packets_in_flight_max} in flight"
    )


def main() -> None:
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else PACKETS_DEFAULT
    print_load()
    title = f"a sender packet, {packets} packets, microseconds"
    print(f"{title:<58}{'p50':>9}{'p95':>9}{'p50 CPU':>9}")
    row("AES-GCM encryption alone", measure_cipher(packets), median_us(cipher()))
    print_ours("ours: build and process the reply (target 25)", packets, with_ilp_codec=False)
    print_ours("ours: the same with ILP encode and decode", packets, with_ilp_codec=True)
    theirs = measure_node(min(packets, 20_000))
    if theirs is None:
        print("@interledger/pay: not measured (node or tests/differential/node_modules is absent)")
    else:
        row("@interledger/pay 0.4.0-alpha.9: the same, with ILP codec", theirs, None)
    print(
        "1,000 packets over a good path, virtual time (reference: 40 to 200 packets/s, 20 at once)"
    )
    for latency_ms in (5, 50, 200):
        payment_in_virtual_time(latency_ms)


if __name__ == "__main__":
    main()
