// What a TLS handshake waits for its PSK: one lookup in a database of many devices.
//
//     psk_cost DIRECTORY [DEVICES]
//
// The directory is empty, or was left by the same program. Prints the median of random known and
// unknown identities, alone and with another thread that asks as well.
// Used by docs/decisions/psk-lookup.md; it asserts nothing.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "auth/device_store.hpp"
#include "auth/open_secret.hpp"
#include "auth/psk.hpp"
#include "auth/psk_lookup.hpp"
#include "auth/psk_store.hpp"
#include "auth/psk_vault.hpp"

namespace {

using namespace drawbridge;

constexpr int lookups = 50'000;

std::string id_of(int number) { return fmt::format("device-{}", number); }

void fill(auth::DeviceStore& store, const auth::Secret& secret, int devices) {
    const auth::PskVault vault(secret);
    auth::PskStore psks(store.database());
    SQLite::Transaction all = store.begin();
    for (int i = 0; i < devices; ++i) {
        const std::string id = id_of(i);
        store.add({id, "", "core", ""}, WallClock::now());
        psks.set(id, vault.seal(id, auth::make_psk()), WallClock::now());
    }
    all.commit();
}

// Of random devices from this number on.
std::vector<double> measure(auth::PskLookup& lookup, int first, int devices, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<double> ns;
    for (int i = 0; i < lookups; ++i) {
        const std::string id = id_of(first + static_cast<int>(random() % unsigned(devices)));
        const auto began = std::chrono::steady_clock::now();
        const auto psk = lookup.find(id);
        const auto took = std::chrono::steady_clock::now() - began;
        if (!psk) std::abort();
        ns.push_back(std::chrono::duration<double, std::nano>(took).count());
    }
    return ns;
}

void report(const char* what, std::vector<double> ns) {
    std::sort(ns.begin(), ns.end());
    fmt::print("{:<34} {:>6.1f} us, one in a hundred more than {:.1f} us\n", what,
               ns[ns.size() / 2] / 1000, ns[ns.size() * 99 / 100] / 1000);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: psk_cost DIRECTORY [DEVICES]\n");
        return 2;
    }
    const std::filesystem::path data = argv[1];
    const int devices = argc > 2 ? std::atoi(argv[2]) : 100'000;
    auth::DeviceStore store(data / "drawbridge.db");
    const auth::Secret secret = auth::open_secret(data, store);
    if (!store.find(id_of(0))) fill(store, secret, devices);

    auth::PskLookup lookup(data / "drawbridge.db", secret);
    measure(lookup, 0, devices, 1);
    report("a device's PSK", measure(lookup, 0, devices, 2));
    report("nobody's", measure(lookup, devices, devices, 3));
    std::atomic<bool> done = false;
    std::thread other([&] {
        while (!done) lookup.find("device-1");
    });
    report("with another thread that asks", measure(lookup, 0, devices, 4));
    done = true;
    other.join();
}
