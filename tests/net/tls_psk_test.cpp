// TLS-PSK: who gets in by a pre-shared key, with which ciphers, and what a ticket is worth later.
// Method: OpenSSL's own client in memory, and PSKs that the test sets and takes away.

#include "broker/net/tls_psk.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "tests/net/tls_link.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::Contains;
using Proof = core::Credentials::Proof;
using test::TlsLink;

// What every device of these tests believes to be its key, unless it says otherwise.
const std::string right_key(32, 'k');

class Psks final : public core::PskSource {
public:
    std::optional<core::Psk> find(std::string_view identity) override {
        if (identity.find('/') != std::string_view::npos || identity.size() > 100)
            return std::nullopt;  // no identity: a ticket, or nonsense
        ++lookups;
        core::Psk psk;
        const auto found = known.find(std::string(identity));
        if (found == known.end()) {
            psk.key.assign(32, 'n');
            psk.why_not = "nobody has it";
        } else {
            psk.key.assign(found->second.first.begin(), found->second.first.end());
            psk.key_id = found->second.second;
        }
        return psk;
    }
    bool in_force(std::string_view identity, std::string_view key_id) override {
        const auto found = known.find(std::string(identity));
        return found != known.end() && found->second.second == key_id;
    }

    std::map<std::string, std::pair<std::string, std::string>> known = {
        {"pump-17", {right_key, "psk-AAAA"}}};
    int lookups = 0;
};

// A link to a context with PSKs, and a client that may have one.
struct PskLink : TlsLink {
    PskLink(const TlsContext& context, int version, std::string client_identity = "pump-17",
            std::string client_key = right_key)
        : TlsLink(version), identity(std::move(client_identity)), key(std::move(client_key)) {
        engine = TlsEngine(context);
        SSL_set_app_data(client.native(), &client);
        links()[client.native()] = this;
        if (!identity.empty()) SSL_set_psk_client_callback(client.native(), give_psk);
        // So that a client which wants PSK and gets a certificate does not pass for a success.
        if (!identity.empty()) client.trust("/etc/ssl/certs/ca-certificates.crt", "gate", 0);
    }
    ~PskLink() { links().erase(client.native()); }

    static std::map<const SSL*, PskLink*>& links() {
        static std::map<const SSL*, PskLink*> all;
        return all;
    }
    static unsigned give_psk(SSL* connection, const char*, char* name, unsigned name_max,
                             unsigned char* psk, unsigned psk_max) {
        const PskLink& link = *links().at(connection);
        if (link.identity.size() >= name_max || link.key.size() > psk_max) return 0;
        name[link.identity.copy(name, name_max)] = '\0';
        std::copy(link.key.begin(), link.key.end(), psk);
        return static_cast<unsigned>(link.key.size());
    }

    // Carried on until both are silent.
    PskLink& run() {
        exchange();
        return *this;
    }
    bool established() const { return engine.handshake_done() && client.handshake_done(); }
    core::Credentials proved() const { return test::proved_to(engine); }
    core::Credentials claimed() const { return test::claimed_to(engine); }
    std::string cipher_name() { return SSL_get_cipher_name(client.native()); }

    const std::string identity;
    const std::string key;
};

class Fixture {
public:
    Psks psks;
    const TlsContext context{
        TlsRules{test::tls_files().chain, test::tls_files().private_key, {}, &psks}};
};

const auto versions = {TLS1_2_VERSION, TLS1_3_VERSION};

}  // namespace

TEST_CASE_METHOD(Fixture, "a device with its PSK is let in, and the handshake is the proof",
                 "[net][tls][psk]") {
    for (const int version : versions) {
        PskLink link(context, version);
        REQUIRE(link.run().established());
        CHECK(link.proved().proof == Proof::psk);
        CHECK(link.proved().proven == "pump-17");
        CHECK(link.proved().proven_key == "psk-AAAA");
        link.client.write("CONNECT");
        link.exchange();
        CHECK(link.received == "CONNECT");
    }
}

TEST_CASE_METHOD(Fixture, "a handshake with a PSK succeeds however its bytes are cut",
                 "[net][tls][psk]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    const std::size_t piece = GENERATE(1u, 7u, 333u);
    PskLink link(context, version);
    link.exchange(piece);
    CHECK(link.established());
    CHECK(link.proved().proven == "pump-17");
}

TEST_CASE_METHOD(Fixture, "a wrong key and an unknown identity look alike to the peer",
                 "[net][tls][psk]") {
    for (const int version : versions) {
        PskLink wrong(context, version, "pump-17", std::string(32, 'w'));
        PskLink unknown(context, version, "pump-18");
        PskLink longer(context, version, "pump-17", right_key + "k");
        std::string heard;
        for (PskLink* link : {&wrong, &unknown, &longer}) {
            link->run();
            CHECK_FALSE(link->engine.handshake_done());
            CHECK(link->status == TlsStatus::failed);
            CHECK(link->proved().proof == Proof::none);
            if (heard.empty()) heard = link->client.failure();
            CHECK(link->client.failure() == heard);
        }
        CHECK(wrong.engine.failure() == "wrong PSK");
        CHECK(unknown.engine.failure() == "nobody has it");
        CHECK(wrong.claimed().proven == "pump-17");
        CHECK(unknown.claimed().proven == "pump-18");
        CHECK(unknown.claimed().proof == Proof::psk);
    }
}

TEST_CASE_METHOD(Fixture, "what cannot be an identity gets no further", "[net][tls][psk]") {
    PskLink old(context, TLS1_2_VERSION, "a/b");
    old.run();
    CHECK_FALSE(old.engine.handshake_done());
    core::Credentials nothing;
    CHECK_FALSE(old.engine.claim(nothing));
    PskLink fresh(context, TLS1_3_VERSION, "a/b");  // is offered the certificate
    fresh.run();
    CHECK_FALSE(fresh.client.handshake_done());
    CHECK(psks.lookups == 0);
}

TEST_CASE_METHOD(Fixture, "clients without a PSK use the certificate as before",
                 "[net][tls][psk]") {
    for (const int version : versions) {
        PskLink link(context, version, "");
        link.client.trust(test::tls_files().ca.native(), "localhost",
                          WallClock::to_time_t(test::tls_time));
        REQUIRE(link.run().established());
        CHECK(link.proved().proof == Proof::none);
        CHECK(psks.lookups == 0);
    }
}

TEST_CASE_METHOD(Fixture, "without PSKs a listener knows none", "[net][tls][psk]") {
    for (const int version : versions) {
        PskLink link(test::tls_context(), version);
        CHECK_FALSE(link.run().established());
    }
}

TEST_CASE_METHOD(Fixture, "forward secrecy comes first, where the client has a choice",
                 "[net][tls][psk]") {
    PskLink any(context, TLS1_2_VERSION);
    CHECK(any.run().cipher_name() == "ECDHE-PSK-CHACHA20-POLY1305");

    PskLink some(context, TLS1_2_VERSION);
    SSL_set_cipher_list(some.client.native(), "PSK-AES256-GCM-SHA384:DHE-PSK-AES128-GCM-SHA256");
    CHECK(some.run().cipher_name() == "DHE-PSK-AES128-GCM-SHA256");
    CHECK(some.established());
}

TEST_CASE_METHOD(Fixture, "small devices do with plain PSK and authenticated encryption",
                 "[net][tls][psk]") {
    const std::string good = GENERATE("PSK-AES128-GCM-SHA256", "PSK-AES128-CCM",
                                      "PSK-CHACHA20-POLY1305", "PSK-AES256-GCM-SHA384");
    PskLink link(context, TLS1_2_VERSION);
    SSL_set_cipher_list(link.client.native(), good.c_str());
    CHECK(link.run().established());
    CHECK(link.cipher_name() == good);

    PskLink old(context, TLS1_2_VERSION);
    SSL_set_cipher_list(old.client.native(), "PSK-AES128-CBC-SHA256:ECDHE-PSK-AES128-CBC-SHA256");
    CHECK_FALSE(old.run().established());
    CHECK(old.engine.failure() == "no shared cipher");
}

TEST_CASE_METHOD(Fixture, "a client that prefers AES-256 gets in by PSK in TLS 1.3 as well",
                 "[net][tls][psk]") {
    PskLink link(context, TLS1_3_VERSION);
    SSL_set_ciphersuites(link.client.native(), "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
    CHECK(link.run().established());
    CHECK(link.cipher_name() == "TLS_AES_128_GCM_SHA256");
}

TEST_CASE_METHOD(Fixture,
                 "however many groups and ciphers are guessed wrong, few PSKs are looked up",
                 "[net][tls][psk]") {
    PskLink link(context, TLS1_3_VERSION);
    SSL_set1_groups_list(link.client.native(), "P-384:P-256");
    SSL_set_ciphersuites(link.client.native(), "TLS_AES_128_GCM_SHA256");
    CHECK(link.run().established());
    CHECK(psks.lookups <= 2);
}

TEST_CASE_METHOD(Fixture, "who resumes a session has the proof of the first handshake",
                 "[net][tls][psk]") {
    for (const int version : versions) {
        PskLink first(context, version);
        REQUIRE(first.run().established());
        REQUIRE(first.client.session() != nullptr);
        psks.lookups = 0;
        PskLink second(context, version);
        second.client.resume(first.client.session());
        REQUIRE(second.run().established());
        CHECK(second.client.resumed());
        CHECK(psks.lookups == 0);
        CHECK(second.proved().proof == Proof::psk);
        CHECK(second.proved().proven == "pump-17");
        CHECK(second.proved().proven_key == "psk-AAAA");
        // And so on: TLS 1.3 gives a fresh ticket each time.
        SSL_SESSION* next =
            version == TLS1_3_VERSION ? second.client.session() : first.client.session();
        PskLink third(context, version);
        third.client.resume(next);
        CHECK(third.run().proved().proven_key == "psk-AAAA");
    }
}

TEST_CASE_METHOD(Fixture, "a ticket does not outlive its PSK", "[net][tls][psk]") {
    for (const int version : versions) {
        psks.known["pump-17"] = {right_key, "psk-AAAA"};
        PskLink first(context, version);
        REQUIRE(first.run().established());

        psks.known["pump-17"] = {std::string(32, 'x'), "psk-BBBB"};
        PskLink stale(context, version);  // still has the old key
        stale.client.resume(first.client.session());
        CHECK_FALSE(stale.run().established());
        CHECK(stale.proved().proof == Proof::none);
        PskLink fresh(context, version, "pump-17", std::string(32, 'x'));  // knows the new one
        fresh.client.resume(first.client.session());
        CHECK(fresh.run().established());
        CHECK(fresh.proved().proven_key == "psk-BBBB");

        psks.known.erase("pump-17");
        PskLink gone(context, version);
        gone.client.resume(first.client.session());
        CHECK_FALSE(gone.run().established());
    }
}

TEST_CASE_METHOD(Fixture, "a ticket is of no use to a client without the PSK, once that is gone",
                 "[net][tls][psk]") {
    for (const int version : versions) {
        psks.known["pump-17"] = {right_key, "psk-AAAA"};
        PskLink first(context, version);
        REQUIRE(first.run().established());
        psks.known.erase("pump-17");
        PskLink bare(context, version, "");
        bare.client.resume(first.client.session());
        bare.run();  // perhaps by the certificate; but as nobody
        CHECK_FALSE(bare.client.resumed());
        CHECK(bare.proved().proof == Proof::none);
    }
}

TEST_CASE_METHOD(Fixture, "a ticket of one listener is none at another", "[net][tls][psk]") {
    const TlsContext other(
        TlsRules{test::tls_files().chain, test::tls_files().private_key, {}, &psks});
    for (const int version : versions) {
        PskLink first(context, version);
        REQUIRE(first.run().established());
        psks.lookups = 0;
        PskLink second(other, version);
        second.client.resume(first.client.session());
        CHECK(second.run().established());
        CHECK(psks.lookups > 0);  // the whole handshake, again
    }
}

TEST_CASE_METHOD(Fixture, "an established connection has no claim left", "[net][tls][psk]") {
    PskLink link(context, TLS1_3_VERSION);
    REQUIRE(link.run().established());
    core::Credentials claimed;
    CHECK_FALSE(link.engine.claim(claimed));
}

}  // namespace drawbridge::net
