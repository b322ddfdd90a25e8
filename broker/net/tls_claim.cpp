#include "broker/net/tls_claim.hpp"

#include <new>

namespace drawbridge::net {
namespace {

void free_claim(void*, void* claim, CRYPTO_EX_DATA*, int, long, void*) noexcept {
    delete static_cast<TlsClaim*>(claim);
}

int claim_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_claim);
    return index;
}

}  // namespace

TlsClaim& TlsClaim::of(SSL* connection) {
    if (auto* claim = static_cast<TlsClaim*>(SSL_get_ex_data(connection, claim_index())))
        return *claim;
    auto made = std::make_unique<TlsClaim>();
    if (SSL_set_ex_data(connection, claim_index(), made.get()) != 1) throw std::bad_alloc();
    return *made.release();
}

const TlsClaim* TlsClaim::find(const SSL* connection) {
    return static_cast<const TlsClaim*>(SSL_get_ex_data(connection, claim_index()));
}

void TlsClaim::drop(SSL* connection) {
    delete find(connection);
    SSL_set_ex_data(connection, claim_index(), nullptr);
}

}  // namespace drawbridge::net
