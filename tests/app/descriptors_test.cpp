// How the open files are shared out. Method: numbers in, numbers out.
#include "broker/app/descriptors.hpp"

#include <catch2/catch.hpp>

namespace drawbridge::app {
namespace {

Limits limits_of(std::uint32_t clients, std::uint32_t strangers) {
    Limits limits;
    limits.max_connections = clients;
    limits.max_handshakes = strangers;
    return limits;
}

TEST_CASE("where enough open files are granted every limit can be reached", "[app][descriptors]") {
    const Limits limits = limits_of(100'000, 4'096);
    const std::uint64_t wanted = share_descriptors(0, limits, 4, 2).wanted;
    CHECK(wanted > 100'000 + 4'096 + limits::farewells_max);
    const DescriptorShares enough = share_descriptors(wanted, limits, 4, 2);
    CHECK(enough.clients == 100'000);
    CHECK(enough.strangers == 4'096);
    CHECK(enough.farewells == limits::farewells_max);
    CHECK(enough.sockets == 100'000 + 4'096 + limits::farewells_max);
    CHECK(share_descriptors(wanted - 1, limits, 4, 2).clients < 100'000);
    CHECK(share_descriptors(UINT64_MAX, limits, 4, 2).sockets == UINT32_MAX);
}

TEST_CASE("where too few are granted the shares fit, and leave the broker its own",
          "[app][descriptors]") {
    for (const std::uint64_t granted : {128, 256, 1'024, 4'096, 65'536}) {
        const DescriptorShares shares = share_descriptors(granted, limits_of(100'000, 4'096), 2, 2);
        INFO(granted);
        CHECK(shares.clients + shares.strangers + shares.farewells <= shares.sockets);
        CHECK(shares.sockets <= granted - 64);
        CHECK(shares.clients >= shares.sockets / 4 * 3);
        CHECK(shares.strangers > shares.farewells);
    }
}

TEST_CASE("what clients may not have anyway is left to strangers", "[app][descriptors]") {
    const DescriptorShares shares = share_descriptors(2'000, limits_of(100, 4'096), 1, 1);
    CHECK(shares.clients == 100);
    CHECK(shares.strangers > 1'000);
}

TEST_CASE("a grant below the broker's own needs still gives everybody one", "[app][descriptors]") {
    const DescriptorShares shares = share_descriptors(20, limits_of(100, 100), 2, 2);
    CHECK(shares.clients == 1);
    CHECK(shares.strangers == 1);
    CHECK(shares.farewells == 1);
    CHECK(shares.sockets == 1);
}

}  // namespace
}  // namespace drawbridge::app
