// A whole broker of one to four shards, fed with well-formed packets of several clients in any
// sequence, and compared with a simple model of MQTT.
//
// DRAWBRIDGE_FUZZ_TELL=1 prints the steps of an input.
#include <algorithm>
#include <cstring>
#include <random>

#include "tests/fuzz/shard_script.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size >= Script::head_bytes) Script({data, size}).play();
    return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

// Mostly whole steps: inserted, taken out, repeated, exchanged; the rest as libFuzzer does it.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
    constexpr std::size_t head = Script::head_bytes;
    constexpr std::size_t step = Script::step_bytes;
    std::minstd_rand chance(seed);
    const auto draw = [&](std::size_t below) { return chance() % below; };
    const std::size_t steps = size < head ? 0 : (size - head) / step;
    const auto at = [&](std::size_t number) { return data + head + number * step; };
    if (size < head || draw(3) == 0) return LLVMFuzzerMutate(data, size, size_max);
    size = head + steps * step;

    const std::size_t kind = draw(6);
    if (kind <= 1 && size + step <= size_max) {  // a new one, or one of those that are there
        const std::size_t place = draw(steps + 1);
        std::uint8_t made[step];
        for (std::uint8_t& byte : made) byte = static_cast<std::uint8_t>(draw(256));
        if (kind == 1 && steps > 0) std::memcpy(made, at(draw(steps)), step);
        std::memmove(at(place) + step, at(place), (steps - place) * step);
        std::memcpy(at(place), made, step);
        return size + step;
    }
    if (steps == 0) return LLVMFuzzerMutate(data, size, size_max);
    if (kind == 2 && steps > 1) {
        const std::size_t place = draw(steps);
        std::memmove(at(place), at(place) + step, (steps - place - 1) * step);
        return size - step;
    }
    if (kind == 3) {
        std::uint8_t* const one = at(draw(steps));
        std::swap_ranges(one, one + step, at(draw(steps)));
        return size;
    }
    at(draw(steps))[draw(step)] = static_cast<std::uint8_t>(draw(256));
    return size;
}
