// What the broker's TLS accepts, and what it says about certificate files that it cannot use.
// Method: OpenSSL's own client in memory; files in a directory of the test's own.

#include "broker/net/tls_context.hpp"

#include <openssl/pem.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/net/tls_link.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::Contains;
using std::filesystem::path;
using test::TlsLink;

path write(const path& file, const std::string& text) {
    std::ofstream(file) << text;
    return file;
}

// A key that only its owner's password opens.
std::string key_with_password() {
    const openssl::Key key(EVP_EC_gen("P-256"));
    const openssl::Bio out(BIO_new(BIO_s_mem()));
    char password[] = "secret";
    PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), password, 6, nullptr,
                                  nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("a verifying client trusts the made certificates", "[net][tls]") {
    TlsLink link(TLS1_3_VERSION);
    const std::string ca = test::tls_files().ca.native();

    SECTION("by name") {
        link.client.trust(ca, "localhost", WallClock::to_time_t(test::tls_time));
        link.exchange();
        CHECK(link.client.handshake_done());
    }
    SECTION("by address") {
        link.client.trust(ca, "::1", WallClock::to_time_t(test::tls_time));
        link.exchange();
        CHECK(link.client.handshake_done());
    }
    SECTION("not by another name") {
        link.client.trust(ca, "other.example.org", WallClock::to_time_t(test::tls_time));
        link.exchange();
        CHECK(link.client.failure() == "certificate verify failed");
        CHECK(link.status == TlsStatus::failed);
        CHECK_THAT(link.engine.failure(), Contains("alert"));
    }
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, TLS 1.1 is refused with an alert", "[net][tls]") {
    SECTION("1.3") {
        TlsLink link(TLS1_3_VERSION);
        link.exchange();
        CHECK(link.engine.handshake_done());
        CHECK(link.engine.protocol() == "TLSv1.3");
    }
    SECTION("1.2") {
        TlsLink link(TLS1_2_VERSION);
        link.exchange();
        CHECK(link.engine.handshake_done());
        CHECK(link.engine.protocol() == "TLSv1.2");
    }
    SECTION("1.1") {
        TlsLink link(TLS1_1_VERSION);
        link.exchange();
        CHECK(link.status == TlsStatus::failed);
        CHECK_FALSE(link.engine.handshake_done());
        CHECK(link.engine.failure() == "unsupported protocol");
        CHECK(link.client.failure() == "tlsv1 alert protocol version");
    }
}

TEST_CASE("only authenticated encryption is agreed upon", "[net][tls]") {
    TlsLink link(TLS1_2_VERSION);

    SECTION("GCM") {
        SSL_set_cipher_list(link.client.native(), "ECDHE-ECDSA-AES128-GCM-SHA256");
        link.exchange();
        CHECK(link.engine.handshake_done());
    }
    SECTION("ChaCha20") {
        SSL_set_cipher_list(link.client.native(), "ECDHE-ECDSA-CHACHA20-POLY1305");
        link.exchange();
        CHECK(link.engine.handshake_done());
    }
    SECTION("CBC") {
        SSL_set_cipher_list(link.client.native(), "ECDHE-ECDSA-AES128-SHA256");
        link.exchange();
        CHECK(link.status == TlsStatus::failed);
        CHECK(link.engine.failure() == "no shared cipher");
    }
}

TEST_CASE("keys are agreed upon X25519 or P-256", "[net][tls]") {
    TlsLink link(TLS1_3_VERSION);

    SECTION("X25519") { SSL_set1_groups_list(link.client.native(), "X25519"); }
    SECTION("P-256") { SSL_set1_groups_list(link.client.native(), "P-256"); }
    SECTION("a first guess that is not ours") {
        SSL_set1_groups_list(link.client.native(), "P-384:P-256");
    }
    link.exchange();
    CHECK(link.engine.handshake_done());
}

TEST_CASE("no key is agreed upon another curve", "[net][tls]") {
    TlsLink link(TLS1_3_VERSION);
    SSL_set1_groups_list(link.client.native(), "P-384");
    link.exchange();
    CHECK(link.status == TlsStatus::failed);
    CHECK(link.engine.failure() == "no suitable key share");
}

TEST_CASE("a client resumes its session with the ticket that it was given", "[net][tls]") {
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    TlsLink first(version);
    first.exchange();
    REQUIRE(first.client.session() != nullptr);
    CHECK_FALSE(first.client.resumed());

    TlsLink second(version);
    second.client.resume(first.client.session());
    second.exchange();
    CHECK(second.engine.handshake_done());
    CHECK(second.client.resumed());
}

TEST_CASE("a client cannot renegotiate", "[net][tls]") {
    TlsLink link(TLS1_2_VERSION);
    link.exchange();
    REQUIRE(link.engine.handshake_done());
    REQUIRE(SSL_renegotiate(link.client.native()) == 1);
    link.exchange();
    CHECK(link.client.failure() == "no renegotiation");
}

TEST_CASE("connections outlive the context that made them", "[net][tls]") {
    auto context =
        std::make_shared<const TlsContext>(test::tls_files().chain, test::tls_files().private_key);
    TlsLink link(TLS1_3_VERSION);
    link.engine = TlsEngine(*context);
    context.reset();
    link.exchange();
    CHECK(link.engine.handshake_done());
}

TEST_CASE("files that TLS cannot use are named, with what is wrong", "[net][tls]") {
    const test::TemporaryDirectory data;
    const CertificateFiles& good = test::tls_files();
    const path missing = data.path() / "missing.pem";
    const path garbage = write(data.path() / "garbage.pem", "not a certificate");
    const path empty = write(data.path() / "empty.pem", "");
    const path locked = write(data.path() / "locked.key", key_with_password());

    CHECK_NOTHROW(TlsContext(good.chain, good.private_key));
    CHECK_THROWS_WITH(TlsContext(missing, good.private_key),
                      Contains("cannot read " + missing.native() + ": No such file or directory"));
    CHECK_THROWS_WITH(TlsContext(good.chain, missing), Contains("cannot read " + missing.native()));
    CHECK_THROWS_WITH(TlsContext(garbage, good.private_key),
                      garbage.native() + " holds no certificate in PEM form");
    CHECK_THROWS_WITH(TlsContext(empty, good.private_key),
                      empty.native() + " holds no certificate in PEM form");
    CHECK_THROWS_WITH(TlsContext(good.chain, good.chain),
                      good.chain.native() + " holds no private key in PEM form without a password");
    CHECK_THROWS_WITH(TlsContext(good.chain, locked),
                      locked.native() + " holds no private key in PEM form without a password");
    CHECK_THROWS_WITH(TlsContext(data.path(), good.private_key),
                      data.path().native() + " holds no certificate in PEM form");
}

TEST_CASE("a key of another certificate is refused", "[net][tls]") {
    const test::TemporaryDirectory data;
    const CertificateFiles other =
        ensure_certificates(data.path() / "tls", test::tls_host(), test::tls_time);
    CHECK_THROWS_WITH(TlsContext(test::tls_files().chain, other.private_key),
                      "the private key " + other.private_key.native() +
                          " does not belong to the certificate " +
                          test::tls_files().chain.native());
    CHECK_NOTHROW(TlsContext(other.chain, other.private_key));
}

}  // namespace drawbridge::net
