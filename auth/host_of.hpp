// The host in an address as the network writes it: "192.0.2.7" of "192.0.2.7:50123", "2001:db8::1"
// of "[2001:db8::1]:50123". A text without a port is its own host.
#pragma once

#include <string_view>

namespace drawbridge::auth {

constexpr std::string_view host_of(std::string_view address) {
    if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
    const std::size_t colon = address.find(':');
    return colon == address.rfind(':') ? address.substr(0, colon) : address;
}

static_assert(host_of("192.0.2.7:50123") == "192.0.2.7");
static_assert(host_of("192.0.2.7") == "192.0.2.7");
static_assert(host_of("[2001:db8::1]:50123") == "2001:db8::1");
static_assert(host_of("2001:db8::1") == "2001:db8::1");
static_assert(host_of("").empty());

}  // namespace drawbridge::auth
