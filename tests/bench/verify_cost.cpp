// What it costs to check credentials, and whether the time tells why they were refused.
//
//     verify_cost DATA_DIRECTORY [ROUNDS]
//
// The directory holds many devices, named pub-0, pub-1 ... as tools/bench_devices makes them. Each
// round asks once for each kind of credentials, in random order, with ids that have not been asked
// for lately, and once more with the same ids, which are remembered by then. Prints the median of
// each kind, and how far the refusals lie apart compared with how far they scatter by themselves.
// Used by docs/performance.md and docs/security.md; it asserts nothing.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "auth/api_key.hpp"
#include "auth/device_store.hpp"
#include "auth/profile.hpp"
#include "auth/secret.hpp"
#include "auth/verifier.hpp"

namespace {

using namespace drawbridge;

struct Kind {
    const char* name;
    std::vector<double> first{};  // ns
    std::vector<double> again{};
};

double percentile(std::vector<double>& samples, double share) {
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(samples.size() - 1));
    std::nth_element(samples.begin(), samples.begin() + at, samples.end());
    return samples[static_cast<std::size_t>(at)];
}

std::map<std::string, std::string> read_passwords(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::map<std::string, std::string> passwords;
    for (std::string id, key; in >> id >> key;) passwords[id] = key;
    return passwords;
}

class Bench {
public:
    explicit Bench(const std::filesystem::path& data)
        : store_(data / "drawbridge.db"),
          verifier_(store_,
                    auth::Secret::open(data / "secret.key", auth::Secret::IfMissing::refuse),
                    auth::Profiles::built_in()),
          passwords_(read_passwords(data / "passwords.txt")) {
        if (passwords_.size() < 10'000) {
            fmt::print(stderr, "{} knows fewer than 10,000 devices\n", data.string());
            std::exit(2);
        }
        for (const auto& [id, key] : passwords_) ids_.push_back(id);
        std::shuffle(ids_.begin(), ids_.end(), random_);
    }

    void round() {
        std::array<std::size_t, 3> order{0, 1, 2};
        std::shuffle(order.begin(), order.end(), random_);
        std::array<core::Credentials, 3> shown{right(), wrong_key(), unknown()};
        for (const std::size_t kind : order) kinds[kind].first.push_back(time(shown[kind]));
        for (const std::size_t kind : order) kinds[kind].again.push_back(time(shown[kind]));
    }

    std::array<Kind, 3> kinds{Kind{"the right key"}, Kind{"a wrong key"},
                              Kind{"an unknown device"}};

private:
    const std::string& next_id() { return ids_[next_++ % ids_.size()]; }

    static core::Credentials credentials(const std::string& id, const std::string& key) {
        return {.client_id = id, .username = id, .password = key, .address = "192.0.2.7:50123"};
    }
    core::Credentials right() {
        const std::string& id = next_id();
        return credentials(id, passwords_.at(id));
    }
    core::Credentials wrong_key() { return credentials(next_id(), auth::make_api_key()); }
    // Scattered among the known ones, so that what is read of its neighbour is as cold as theirs.
    core::Credentials unknown() { return credentials(next_id() + "-x", auth::make_api_key()); }

    double time(const core::Credentials& shown) {
        const auto began = std::chrono::steady_clock::now();
        const auth::Verification verification = verifier_.verify(shown, WallClock::now());
        const auto took = std::chrono::steady_clock::now() - began;
        if (verification.answer.why.empty() != (verification.answer.identity != nullptr))
            std::abort();
        return std::chrono::duration<double, std::nano>(took).count();
    }

    auth::DeviceStore store_;
    auth::Verifier verifier_;
    const std::map<std::string, std::string> passwords_;
    std::vector<std::string> ids_;
    std::size_t next_ = 0;
    std::mt19937 random_{1};
};

void report(const char* what, std::vector<double>& samples) {
    fmt::print("  {:<22} {:>8.0f} ns, half of them within {:.0f} to {:.0f}\n", what,
               percentile(samples, 0.5), percentile(samples, 0.25), percentile(samples, 0.75));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: verify_cost DATA_DIRECTORY [ROUNDS]\n");
        return 2;
    }
    Bench bench(argv[1]);
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 20'000;
    for (int round = 0; round < rounds; ++round) bench.round();
    fmt::print("looked up in the database:\n");
    for (Kind& kind : bench.kinds) report(kind.name, kind.first);
    fmt::print("remembered:\n");
    for (Kind& kind : bench.kinds) report(kind.name, kind.again);
}
