// TlsLink: a client and the broker's engine with nothing between them, for tests of either.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "broker/net/certificates.hpp"
#include "broker/net/tls_context.hpp"
#include "broker/net/tls_engine.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/tls_client.hpp"

namespace drawbridge::test {

using namespace net;  // what is tested

// 2026-09-21; the certificates of these tests are made then.
inline const WallTime tls_time = WallClock::from_time_t(1'790'000'000);

inline HostNames tls_host() { return {"gate", {"localhost", "gate"}, {"127.0.0.1", "::1"}}; }

// Made once for all tests of a program.
inline const CertificateFiles& tls_files() {
    static const TemporaryDirectory data;
    static const CertificateFiles files =
        ensure_certificates(data.path() / "tls", tls_host(), tls_time);
    return files;
}

inline const TlsContext& tls_context() {
    static const TlsContext context(tls_files().chain, tls_files().private_key);
    return context;
}

inline core::Credentials proved_to(const TlsEngine& engine) {
    core::Credentials shown;
    engine.prove(shown);
    return shown;
}

inline core::Credentials claimed_to(const TlsEngine& engine) {
    core::Credentials shown;
    engine.claim(shown);
    return shown;
}

struct TlsLink {
    explicit TlsLink(int version) : client(version), engine(tls_context()) {}

    // Carries everything to and fro until both are silent; to the engine in pieces of at most
    // piece_bytes_max. What the engine decrypts is collected in received.
    void exchange(std::size_t piece_bytes_max = 64u << 10) {
        client.step();
        std::string ciphertext = client.output();
        while (!ciphertext.empty() || !cipher.empty()) {
            give(ciphertext, piece_bytes_max);
            client.take(cipher.bytes());
            cipher.clear();
            sent_by_engine += client.read();
            ciphertext = client.output();
        }
    }

    void give(std::string_view ciphertext, std::size_t piece_bytes_max = 64u << 10) {
        while (!ciphertext.empty()) {
            const std::size_t size = std::min(piece_bytes_max, ciphertext.size());
            Buffer plain;
            status = engine.receive(as_bytes(ciphertext.substr(0, size)), plain, cipher);
            received += as_text(plain.bytes());
            ciphertext.remove_prefix(size);
        }
    }

    TlsClient client;
    TlsEngine engine;
    Buffer cipher;  // from the engine, not yet taken by the client
    TlsStatus status = TlsStatus::ok;
    std::string received;        // by the engine
    std::string sent_by_engine;  // and decrypted by the client
};

}  // namespace drawbridge::test
