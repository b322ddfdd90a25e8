// Tenants are walls in delivery: whatever a client has subscribed to, it gets nothing of another
// tenant, unless it has none itself or a rule lets it across.
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

core::IdentityPtr of_tenant(const TestClient& client, std::string tenant,
                            std::vector<std::string> across = {}) {
    return identity(client.client_id(),
                    {.tenant = std::move(tenant), .across_tenants = std::move(across)});
}

// Alice and ann are of acme, bob of birch, and carol of none.
struct Tenants : Scene {
    explicit Tenants(Version version = Version::v5) : Scene(version) {}

    void connect_all(const ConnectOptions& options = {}) {
        connect(alice, "acme", options);
        connect(ann, "acme", options);
        connect(bob, "birch", options);
        connect(carol, "", options);
    }
    void connect(TestClient& one, std::string tenant, ConnectOptions options = {}) {
        options.identity = of_tenant(one, std::move(tenant));
        REQUIRE(one.connect(options));
    }

    TestClient ann = client(3, "ann");
    TestClient carol = client(2, "carol");
    std::vector<TestClient*> all{&alice, &ann, &bob, &carol};
};

}  // namespace

TEST_CASE("a message reaches its sender's tenant and those without one, by any filter",
          "[core][tenants]") {
    Tenants scene(any_version());
    const std::uint8_t qos = any_qos();
    const char* filter = GENERATE("#", "+/x", "a/x");
    scene.connect_all();
    for (TestClient* one : scene.all) one->subscribe(filter, {.qos = qos});
    scene.alice.publish("a/x", "of acme", {.qos = qos});
    scene.bob.publish("a/x", "of birch", {.qos = qos});
    scene.carol.publish("a/x", "for all", {.qos = qos});
    CHECK(scene.alice.payloads() == Texts{"of acme", "for all"});
    CHECK(scene.ann.payloads() == Texts{"of acme", "for all"});
    CHECK(scene.bob.payloads() == Texts{"of birch", "for all"});
    CHECK(scene.carol.payloads() == Texts{"of acme", "of birch", "for all"});
}

TEST_CASE("a rule lets messages of other tenants across where its filter matches",
          "[core][tenants]") {
    Tenants scene;
    scene.connect(scene.alice, "acme");
    REQUIRE(scene.bob.connect({.identity = of_tenant(scene.bob, "birch", {"shared/#"})}));
    scene.bob.subscribe("#");
    for (const char* topic : {"private/x", "shared/x"}) scene.alice.publish(topic, topic);
    CHECK(scene.bob.payloads() == Texts{"shared/x"});
}

TEST_CASE("a retained message is seen from its own tenant, and from none", "[core][tenants]") {
    Tenants scene(any_version());
    scene.connect_all();
    scene.alice.publish("a", "of acme", {.retain = true});
    scene.bob.publish("a", "of birch", {.retain = true});
    const char* filter = GENERATE("a", "#");
    for (TestClient* one : scene.all) one->subscribe(filter);
    CHECK(scene.ann.payloads() == Texts{"of acme"});
    CHECK(scene.bob.payloads() == Texts{"of birch"});
    Texts of_carol = scene.carol.payloads();
    std::ranges::sort(of_carol);
    CHECK(of_carol == Texts{"of acme", "of birch"});
}

TEST_CASE("no tenant can erase what another has retained, and those without one can",
          "[core][tenants]") {
    Tenants scene;
    scene.connect_all();
    scene.alice.publish("a", "of acme", {.retain = true});
    scene.bob.publish("a", "", {.retain = true});
    scene.ann.subscribe("a");
    CHECK(scene.ann.payloads() == Texts{"of acme"});
    scene.carol.publish("a", "", {.retain = true});
    scene.alice.subscribe("a");
    CHECK(scene.alice.payloads().empty());
}

TEST_CASE("for each reader a topic has one retained message, the last that it could see",
          "[core][tenants]") {
    Tenants scene;
    scene.connect_all();
    scene.carol.publish("a", "for all", {.retain = true});
    scene.alice.publish("a", "of acme", {.retain = true});
    scene.carol.subscribe("a");
    scene.ann.subscribe("a");
    CHECK(scene.carol.payloads() == Texts{"of acme"});
    CHECK(scene.ann.payloads() == Texts{"of acme"});
    scene.carol.publish("a", "for all again", {.retain = true});
    scene.bob.subscribe("a");
    CHECK(scene.bob.payloads() == Texts{"for all again"});
}

TEST_CASE("a will stays in its tenant", "[core][tenants]") {
    Tenants scene(any_version());
    scene.connect_all();
    for (TestClient* one : {&scene.ann, &scene.bob, &scene.carol}) one->subscribe("#");
    ConnectOptions options;
    options.will = TestWill{"status", "gone"};
    scene.alice.disconnect();
    scene.connect(scene.alice, "acme", options);
    scene.alice.drop();
    CHECK(scene.ann.payloads() == Texts{"gone"});
    CHECK(scene.carol.payloads() == Texts{"gone"});
    CHECK(scene.bob.payloads().empty());
}

TEST_CASE("a share group gives a message to a member that may have it", "[core][tenants]") {
    Tenants scene;
    scene.connect_all();
    TestClient other = scene.client(3, "birch-2");
    scene.connect(other, "birch");
    for (TestClient* one : {&scene.bob, &other, &scene.ann})
        one->subscribe("$share/g/job", {.qos = 1});
    for (const char* text : {"1", "2", "3"}) scene.alice.publish("job", text, {.qos = 1});
    CHECK(scene.ann.payloads() == Texts{"1", "2", "3"});
    CHECK(scene.bob.payloads().empty());
    CHECK(other.payloads().empty());
    scene.ann.disconnect();
    scene.alice.publish("job", "nobody's", {.qos = 1});
    CHECK(scene.bob.payloads().empty());
    CHECK(other.payloads().empty());
    CHECK(scene.pump.count(&core::Stats::dropped_no_member) == 1);
}

TEST_CASE("what waits for a client that is away is of its tenant", "[core][tenants]") {
    Tenants scene(any_version());
    scene.connect_all(persistent);
    scene.bob.subscribe("#", {.qos = 1});
    scene.bob.drop();
    scene.alice.publish("a", "of acme", {.qos = 1});
    scene.carol.publish("a", "for all", {.qos = 1});
    scene.connect(scene.bob, "birch", persistent);
    CHECK(scene.bob.payloads() == Texts{"for all"});
}

TEST_CASE("a client that comes to another tenant leaves behind what it waited for",
          "[core][tenants]") {
    Tenants scene(any_version());
    scene.connect_all(persistent);
    scene.bob.subscribe("#", {.qos = 1});
    scene.bob.drop();
    scene.carol.publish("a", "for all", {.qos = 1});
    TestClient second = scene.client(3, "birch-2");
    scene.connect(second, "birch");
    second.publish("a", "of birch", {.qos = 1});
    scene.connect(scene.bob, "acme", persistent);
    scene.alice.publish("a", "of acme", {.qos = 1});
    second.publish("a", "of birch again", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"for all", "of acme"});
}

TEST_CASE("No Local and the highest QoS hold inside a tenant as everywhere", "[core][tenants]") {
    Tenants scene;
    scene.connect_all();
    scene.alice.subscribe("a", {.qos = 1, .no_local = true});
    scene.ann.subscribe("a", {.qos = 1});
    scene.ann.subscribe("#", {.qos = 0});
    scene.alice.publish("a", "1", {.qos = 2});
    CHECK(scene.alice.payloads().empty());
    CHECK(scene.ann.payloads() == Texts{"1"});
    CHECK(scene.ann.last().qos == 1);
}

TEST_CASE("a full queue of another tenant refuses nobody's message", "[core][tenants]") {
    core::Settings settings;
    settings.queue_full = core::QueueFull::refuse;
    settings.limits.max_queued_messages = 1;
    Scene scene(Version::v5, settings);
    const char* filter = GENERATE("a", "#");
    ConnectOptions away = persistent;
    away.identity = of_tenant(scene.bob, "birch");
    REQUIRE(scene.bob.connect(away));
    scene.bob.subscribe(filter, {.qos = 1});
    scene.bob.drop();
    TestClient other = scene.client(3, "birch-2");
    REQUIRE(scene.alice.connect({.identity = of_tenant(scene.alice, "acme")}));
    REQUIRE(other.connect({.identity = of_tenant(other, "birch")}));
    for (int i = 0; i < 2; ++i) other.publish("a", "fills", {.qos = 1});
    CHECK(other.publish("a", "x", {.qos = 1}) == Reason::quota_exceeded);
    CHECK(scene.alice.publish("a", "x", {.qos = 1}) != Reason::quota_exceeded);
    REQUIRE(scene.bob.connect(away));
    CHECK(other.publish("a", "x", {.qos = 1}) == Reason::success);
}

namespace {

// Bob is away with a full queue and a subscription to everything; alice, of acme, publishes.
struct FullQueue : Scene {
    FullQueue() : Scene(Version::v5, settings()) {
        REQUIRE(alice.connect({.identity = of_tenant(alice, "acme")}));
        TestClient carol = client(2, "carol");
        REQUIRE(carol.connect());
        ConnectOptions away = persistent;
        away.identity = of_tenant(bob, "birch", {"open/#"});
        REQUIRE(bob.connect(away));
        bob.subscribe(GENERATE("#", "open/x"), {.qos = 1});
        bob.drop();
        for (int i = 0; i < 2; ++i) carol.publish("open/x", "fills", {.qos = 1});
    }
    static core::Settings settings() {
        core::Settings made;
        made.queue_full = core::QueueFull::refuse;
        made.limits.max_queued_messages = 1;
        return made;
    }
    bool refuses(const char* topic) {
        return alice.publish(topic, "x", {.qos = 1}) == Reason::quota_exceeded;
    }
};

}  // namespace

TEST_CASE("the full queue of a session that reaches across tenants refuses what would reach it",
          "[core][tenants]") {
    FullQueue scene;
    CHECK(scene.refuses("open/x"));
    CHECK_FALSE(scene.refuses("closed/x"));
    REQUIRE(scene.bob.connect({.identity = of_tenant(scene.bob, "birch")}));
    CHECK_FALSE(scene.refuses("open/x"));
}

TEST_CASE("a session with a full queue that comes to another tenant refuses that one's messages",
          "[core][tenants]") {
    FullQueue scene;
    scene.give(scene.bob, of_tenant(scene.bob, "birch"));
    CHECK_FALSE(scene.refuses("open/x"));
    scene.give(scene.bob, of_tenant(scene.bob, "acme"));
    CHECK(scene.refuses("open/x"));
    scene.give(scene.bob, identity(scene.bob.client_id(),
                                   {.deny_subscribe = {"open/secret"}, .tenant = "acme"}));
    CHECK(scene.refuses("open/x"));
    CHECK_FALSE(scene.refuses("open/secret"));  // which it may not have
    REQUIRE(scene.bob.connect());               // Clean Start
    CHECK_FALSE(scene.refuses("open/x"));
}
