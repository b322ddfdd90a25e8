// Client certificates: which are accepted, whose name they prove, and what the log says of the
// others.
// Method: a CA of the test's own, and OpenSSL's own client in memory.

#include "broker/net/client_certificates.hpp"

#include <catch2/catch.hpp>

#include "tests/net/tls_link.hpp"
#include "tests/support/certificate_maker.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::Contains;
using Proof = core::Credentials::Proof;
using test::CertificateMaker;
using test::TlsLink;
using Made = CertificateMaker::Made;

TlsContext context_for(const ClientCertificates& clients) {
    return TlsContext(
        TlsRules{test::tls_files().chain, test::tls_files().private_key, clients, nullptr});
}

struct ClientLink : TlsLink {
    // made: null for a client without a certificate.
    ClientLink(const TlsContext& context, int version, const Made* made) : TlsLink(version) {
        engine = TlsEngine(context);
        if (made == nullptr) return;
        SSL_use_certificate_file(client.native(), made->certificate.c_str(), SSL_FILETYPE_PEM);
        SSL_use_PrivateKey_file(client.native(), made->private_key.c_str(), SSL_FILETYPE_PEM);
    }

    bool established() {
        exchange();
        return engine.handshake_done();
    }
    core::Credentials proved() const { return test::proved_to(engine); }
    core::Credentials claimed() const { return test::claimed_to(engine); }
};

class Fixture {
public:
    const test::TemporaryDirectory directory;
    CertificateMaker ca{directory.path(), "ca"};
    const Made pump = ca.issue("pump", "pump-17");

    // Checks that the handshake fails, with these words for the log.
    void check_refused(const ClientCertificates& rules, const Made& made, const char* why,
                       const char* name = "pump-17") {
        const TlsContext context = context_for(rules);
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            ClientLink link(context, version, &made);
            CHECK_FALSE(link.established());
            CHECK_THAT(link.engine.failure(), Contains(why));
            CHECK(link.claimed().proof == Proof::certificate);
            CHECK(link.claimed().proven == name);
            CHECK(link.proved().proof == Proof::none);
        }
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a certificate of the CA proves the common name in it",
                 "[net][tls][certificate]") {
    const TlsContext context = context_for({.ca = ca.file, .crl = {}});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientLink link(context, version, &pump);
        REQUIRE(link.established());
        CHECK(link.proved().proof == Proof::certificate);
        CHECK(link.proved().proven == "pump-17");
        CHECK(link.proved().proven_key.empty());
    }
}

TEST_CASE_METHOD(Fixture, "certificates are optional, unless they are required",
                 "[net][tls][certificate]") {
    const TlsContext optional = context_for({.ca = ca.file, .crl = {}});
    ClientCertificates rules{.ca = ca.file, .crl = {}};
    rules.required = true;
    const TlsContext required = context_for(rules);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientLink bare(optional, version, nullptr);
        CHECK(bare.established());
        CHECK(bare.proved().proof == Proof::none);
        ClientLink refused(required, version, nullptr);
        CHECK_FALSE(refused.established());
        CHECK(refused.engine.failure() == "peer did not return a certificate");
        ClientLink good(required, version, &pump);
        CHECK(good.established());
    }
}

TEST_CASE_METHOD(Fixture, "without a client_ca a certificate proves nothing",
                 "[net][tls][certificate]") {
    ClientLink link(test::tls_context(), TLS1_3_VERSION, &pump);
    REQUIRE(link.established());
    CHECK(link.proved().proof == Proof::none);
}

TEST_CASE_METHOD(Fixture, "a certificate that has expired, or of another CA, is refused",
                 "[net][tls][certificate]") {
    const Made expired = ca.issue("expired", "pump-17", {}, -3600);
    check_refused({.ca = ca.file, .crl = {}}, expired, "certificate has expired");
    CertificateMaker other(directory.path(), "other");
    check_refused({.ca = other.file, .crl = {}}, pump, "unable to get local issuer certificate");
    const test::TemporaryDirectory elsewhere;
    CertificateMaker namesake(elsewhere.path(), "ca");
    check_refused({.ca = namesake.file, .crl = {}}, pump, "refused");
}

TEST_CASE_METHOD(Fixture, "a server's certificate is none of a client", "[net][tls][certificate]") {
    const Made server = ca.issue("server", "pump-17", {{NID_ext_key_usage, "serverAuth"}});
    check_refused({.ca = ca.file, .crl = {}}, server, "purpose");
    const Made client = ca.issue("client", "pump-17", {{NID_ext_key_usage, "clientAuth"}});
    ClientLink link(context_for({.ca = ca.file, .crl = {}}), TLS1_3_VERSION, &client);
    CHECK(link.established());
}

TEST_CASE_METHOD(Fixture, "a revoked certificate is refused, and no other",
                 "[net][tls][certificate]") {
    const Made lost = ca.issue("lost", "pump-18");
    const ClientCertificates rules{.ca = ca.file, .crl = ca.revoke({&lost})};
    check_refused(rules, lost, "certificate revoked", "pump-18");
    ClientLink link(context_for(rules), TLS1_3_VERSION, &pump);
    CHECK(link.established());
}

TEST_CASE_METHOD(Fixture, "a list of revoked certificates that has run out accepts none",
                 "[net][tls][certificate]") {
    const ClientCertificates rules{.ca = ca.file, .crl = ca.revoke({}, -3600)};
    check_refused(rules, pump, "CRL has expired");
    const auto end = context_for(rules).crl_end();
    REQUIRE(end);
    CHECK(*end < WallClock::now());
    CHECK(*end > WallClock::now() - std::chrono::hours(2));
    ClientLink bare(context_for(rules), TLS1_3_VERSION, nullptr);
    CHECK(bare.established());  // those without a certificate have nothing to do with it
}

TEST_CASE_METHOD(Fixture, "a list of another CA says nothing of this one",
                 "[net][tls][certificate]") {
    CertificateMaker other(directory.path(), "other");
    check_refused({.ca = ca.file, .crl = other.revoke({})}, pump, "unable to get certificate CRL");
}

TEST_CASE_METHOD(Fixture, "the name is the one common name, or the end of the one URI",
                 "[net][tls][certificate]") {
    const auto name_in = [&](const Made& made, CertificateName rule) {
        ClientCertificates rules{.ca = ca.file, .crl = {}};
        rules.name = rule;
        ClientLink link(context_for(rules), TLS1_3_VERSION, &made);
        REQUIRE(link.established());
        CHECK(link.proved().proof == Proof::certificate);
        return link.proved().proven;
    };
    const auto uri = [&](const std::string& names) {
        return name_in(ca.issue("uri", "by-name", {{NID_subject_alt_name, names}}),
                       CertificateName::san_uri);
    };
    CHECK(uri("URI:spiffe://example.org/device/pump-17") == "pump-17");
    CHECK(uri("URI:urn:example:pump-17") == "pump-17");
    CHECK(uri("DNS:gate.example.org,URI:urn:example:pump-17") == "pump-17");
    CHECK(uri("URI:urn:a:pump-17,URI:urn:a:pump-18") == "");
    CHECK(uri("DNS:pump-17") == "");
    CHECK(uri("URI:https://example.org/") == "");
    CHECK(name_in(pump, CertificateName::san_uri) == "");

    const auto common = CertificateName::common_name;
    CHECK(name_in(pump, common) == "pump-17");
    CHECK(name_in(ca.issue("bare", ""), common) == "");
    CHECK(name_in(ca.issue("odd", "pump 17\nready"), common) == "");
}

TEST_CASE_METHOD(Fixture,
                 "who resumes a session has the name of its certificate, as long as it lasts",
                 "[net][tls][certificate]") {
    const TlsContext context = context_for({.ca = ca.file, .crl = {}});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientLink first(context, version, &pump);
        REQUIRE(first.established());
        ClientLink second(context, version, nullptr);
        second.client.resume(first.client.session());
        REQUIRE(second.established());
        CHECK(second.client.resumed());
        CHECK(second.proved().proof == Proof::certificate);
        CHECK(second.proved().proven == "pump-17");
    }
}

TEST_CASE_METHOD(Fixture,
                 "a ticket is void once there are new rules, such as a list of revoked ones",
                 "[net][tls][certificate]") {
    const TlsContext before = context_for({.ca = ca.file, .crl = {}});
    const TlsContext after = context_for({.ca = ca.file, .crl = ca.revoke({&pump})});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientLink first(before, version, &pump);
        REQUIRE(first.established());
        ClientLink bare(after, version, nullptr);
        bare.client.resume(first.client.session());
        REQUIRE(bare.established());
        CHECK_FALSE(bare.client.resumed());
        CHECK(bare.proved().proof == Proof::none);
    }
}

TEST_CASE_METHOD(Fixture, "a session is not resumed when its certificate has expired",
                 "[net][tls][certificate]") {
    const Made passing = ca.issue("passing", "pump-17", {}, -3600);
    const TlsContext context = context_for({.ca = ca.file, .crl = {}});
    // At the first handshake it was still good.
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context.native()),
                               WallClock::to_time_t(WallClock::now() - std::chrono::hours(12)));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        ClientLink first(context, version, &passing);
        REQUIRE(first.established());
        CHECK(first.proved().proven == "pump-17");
        ClientLink second(context, version, nullptr);
        second.client.resume(first.client.session());
        REQUIRE(second.established());
        CHECK_FALSE(second.client.resumed());
        CHECK(second.proved().proof == Proof::none);
    }
}

TEST_CASE_METHOD(Fixture, "files of client certificates that cannot be used are named",
                 "[net][tls][certificate]") {
    const auto missing = directory.path() / "missing.pem";
    CHECK_THROWS_WITH(context_for({.ca = missing, .crl = {}}),
                      Contains("cannot read " + missing.native()));
    CHECK_THROWS_WITH(context_for({.ca = pump.private_key, .crl = {}}),
                      Contains(pump.private_key.native() + " does not hold certificates"));
    CHECK_THROWS_WITH(context_for({.ca = ca.file, .crl = ca.file}),
                      Contains(ca.file.native() + " holds no list of revoked certificates"));
    CHECK_NOTHROW(context_for({.ca = ca.file, .crl = ca.revoke({})}));
}

}  // namespace drawbridge::net
