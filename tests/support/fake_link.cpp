#include "tests/support/fake_link.hpp"

#include <array>

#include "broker/base/assert.hpp"

namespace drawbridge::test {

void FakeLink::flush() {
    ASSERT(!lost && !flushed);
    flushed = closed;
    if (!network_takes) return;
    std::array<Bytes, 4> pieces;
    while (!output.empty()) {
        const std::size_t count = output.peek(pieces);
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            to_peer += as_text(pieces[i]);
            size += pieces[i].size();
        }
        output.take(size);
    }
}

void FakeLink::close(bool) {
    ASSERT(!closed && !lost && session == nullptr);
    closed = true;
    home->mark_dirty(*this);
}

void FakeLink::write(Bytes bytes) {
    if (ended() || peer_gone) return;
    to_broker += as_text(bytes);
    has_news = true;
}

}  // namespace drawbridge::test
