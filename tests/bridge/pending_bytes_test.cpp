// What the clients of one loop have not read, taken together.
#include "bridge/pending_bytes.hpp"

#include <catch2/catch.hpp>

namespace drawbridge::bridge {
namespace {

struct Holder final : HasPending {
    explicit Holder(PendingBytes& of) : all(of) {}
    void cut_off_as_slow() override {
        ++cut_off;
        all.set(*this, 0);  // its output is thrown away
    }

    PendingBytes& all;
    int cut_off = 0;
};

}  // namespace

TEST_CASE("who has the most is cut off when it is too much in all", "[bridge][nats]") {
    PendingBytes all(100);
    Holder a(all), b(all), c(all);
    all.set(a, 30);
    all.set(b, 50);
    all.set(c, 20);
    CHECK(a.cut_off + b.cut_off + c.cut_off == 0);  // 100 is not too much
    all.set(c, 21);
    CHECK(b.cut_off == 1);
    all.set(c, 70);
    CHECK(a.cut_off + c.cut_off == 0);  // what b had does not count any more
    all.set(a, 31);
    CHECK(c.cut_off == 1);
    CHECK(a.cut_off == 0);
}

TEST_CASE("who has read all does not count, and may have something again", "[bridge][nats]") {
    PendingBytes all(100);
    Holder a(all), b(all), c(all);
    for (int i = 0; i < 3; ++i) {
        all.set(a, 60);
        all.set(b, 10);
        all.set(c, 20);
        all.set(a, 0);
        all.set(b, 70);
        all.set(b, 0);
        all.set(b, 0);
        all.set(c, 100);
        all.set(c, 0);
    }
    CHECK(a.cut_off + b.cut_off + c.cut_off == 0);
    all.set(a, 101);
    CHECK(a.cut_off == 1);
}

}  // namespace drawbridge::bridge
