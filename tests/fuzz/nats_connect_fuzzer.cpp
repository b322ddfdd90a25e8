// The argument of CONNECT, as a stranger may send it.
// Checked: nothing is read past, and blanks around an object change nothing.
#include <string>

#include "bridge/nats_connect.hpp"
#include "broker/base/assert.hpp"
#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const test::ExactBytes text(Bytes(data, size));
    const std::optional<ConnectOptions> options = read_connect(as_text(text.bytes()));
    const std::optional<ConnectOptions> again =
        read_connect(" " + std::string(as_text(text.bytes())) + "\t");
    ASSERT(options.has_value() == again.has_value());
    if (!options) return 0;
    ASSERT(options->user == again->user && options->pass == again->pass);
    ASSERT(options->verbose == again->verbose && options->protocol == again->protocol);
    const bool is_refused = !error_text(*options).empty();
    ASSERT(is_refused || options->headers || !options->no_responders);
    return 0;
}
