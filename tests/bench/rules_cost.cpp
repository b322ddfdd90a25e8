// What it costs to ask a device's rules: may it publish to this topic, and subscribe to this
// filter?
//
// A session remembers its last topic only, so a client that changes between two topics asks for
// each message. Prints nanoseconds and memory allocations for each question. It asserts nothing.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <new>

#include "auth/acl.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace drawbridge::auth;

constexpr int questions = 5'000'000;

template <class Ask>
void measure(const char* what, Ask ask) {
    int yes = ask(0) ? 1 : 0;
    const std::size_t before = allocations;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < questions; ++i) yes += ask(i) ? 1 : 0;
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - begin;
    fmt::print("{:40} {:6.1f} ns {:5.2f} allocations, {:3}% allowed\n", what,
               spent.count() / questions, static_cast<double>(allocations - before) / questions,
               yes / (questions / 100));
}

void measure(const char* profile, const std::string& one, const std::string& other) {
    auto device = std::make_shared<Device>();
    device->device_id = "d7b1c0e2-3f44-4a91-9b2e-2c5a1f0e9d33";
    device->tenant = "acme";
    device->profile = Profiles::built_in().get(profile);
#ifndef BEFORE
    device->channels = {"6abff700-344c-47d3-bcf8-53ef29f36277",
                        "7abff700-344c-47d3-bcf8-53ef29f36277"};
#endif
    const DeviceIdentity identity(std::move(device), "AbCd1234");
    measure(fmt::format("{}: publish, two topics in turn", profile).c_str(),
            [&](int i) { return identity.may_publish(i % 2 == 0 ? one : other); });
    measure(fmt::format("{}: subscribe", profile).c_str(),
            [&](int i) { return identity.may_subscribe(i % 2 == 0 ? one : other); });
}

}  // namespace

int main() {
    measure("core", "devices/d7b1c0e2-3f44-4a91-9b2e-2c5a1f0e9d33/telemetry",
            "devices/d7b1c0e2-3f44-4a91-9b2e-2c5a1f0e9d34/telemetry");
    measure("open", "a/b/c", "d/e/f");
#ifndef BEFORE
    measure("losant", "losant/d7b1c0e2-3f44-4a91-9b2e-2c5a1f0e9d33/fromAgent/hello",
            "losant/d7b1c0e2-3f44-4a91-9b2e-2c5a1f0e9d33/toAgent/flows");
    measure("connhex", "channels/7abff700-344c-47d3-bcf8-53ef29f36277/messages",
            "channels/8abff700-344c-47d3-bcf8-53ef29f36277/messages");
#endif
}
