// What one client can make the broker do, and what becomes of it at each bound.
#include "broker/wire/encode.hpp"
#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

core::Settings with(const std::function<void(core::Settings&)>& change) {
    core::Settings settings;
    change(settings);
    return settings;
}

constexpr std::size_t share_in_packets = limits::work_per_client_max / limits::work_of_a_packet;

// What the broker still holds of what the client has sent.
std::size_t unread(TestClient& client) { return client.link().to_broker.size(); }

}  // namespace

// --- a full queue --------------------------------------------------------------------------------

TEST_CASE("queue_full = refuse: the publisher is told, and nobody gets the message",
          "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_queued_messages = 2;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    REQUIRE(scene.alice.connect());
    TestClient carol = scene.client(2, "carol");
    REQUIRE(carol.connect());
    carol.subscribe("a/#", {.qos = 2});
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/+", {.qos = 2});
    scene.bob.drop();
    const std::uint8_t qos = GENERATE(std::uint8_t{1}, std::uint8_t{2});
    for (const char* text : {"1", "2"})
        CHECK(scene.alice.publish("a/b", text, {.qos = qos}) == Reason::success);
    scene.alice.publish("a/b", "the one that finds it full", {.qos = qos});
    CHECK(carol.messages.size() == 3);

    CHECK(scene.alice.publish("a/b", "4", {.qos = qos}) == Reason::quota_exceeded);
    CHECK(carol.messages.size() == 3);
    CHECK(scene.alice.publish("b", "elsewhere", {.qos = qos}) == Reason::success);
    scene.alice.publish("a/b", "5");  // QoS 0 has no answer, so it goes to all who can take it
    CHECK(carol.last().payload == "5");
    CHECK(scene.pump.count(&core::Stats::refused_queue_full) == 1);

    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.payloads() == Texts{"1", "2"});
    CHECK(scene.alice.publish("a/b", "6", {.qos = qos}) == Reason::success);
    CHECK(scene.bob.last().payload == "6");
}

TEST_CASE("queue_full = refuse: a subscription that is made while the queue is full counts as well",
          "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_queued_messages = 2;
                    settings.limits.max_inflight = 1;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    const bool had_another = GENERATE(true, false);
    scene.connect();
    scene.bob.subscribe("a", {.qos = 1});
    scene.bob.acknowledges = false;
    for (int i = 0; i < 4; ++i) scene.alice.publish("a", "x", {.qos = 1});
    if (!had_another) scene.bob.unsubscribe("a");
    CHECK(scene.alice.publish("b", "x", {.qos = 1}) == Reason::success);
    scene.bob.subscribe("b", {.qos = 1});
    scene.bob.subscribe("b", {.qos = 1});
    CHECK(scene.alice.publish("b", "x", {.qos = 1}) == Reason::quota_exceeded);
    CHECK(scene.alice.publish("c", "x", {.qos = 1}) == Reason::success);
    scene.bob.unsubscribe("b");
    CHECK(scene.alice.publish("b", "x", {.qos = 1}) == Reason::success);
}

TEST_CASE("queue_full = refuse: 3.1.1 knows no refusal, so the publisher is disconnected",
          "[core][limits][v311]") {
    Scene scene(Version::v3_1_1, with([](core::Settings& settings) {
                    settings.limits.max_queued_messages = 1;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.drop();
    for (const char* text : {"1", "finds it full"}) scene.alice.publish("a/b", text, {.qos = 1});
    CHECK(scene.alice.is_connected());
    CHECK_FALSE(scene.alice.publish("a/b", "3", {.qos = 1}));
    CHECK(scene.alice.was_closed());
}

TEST_CASE("queue_full = refuse: a session that ends or empties its queue keeps nobody waiting",
          "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_queued_messages = 1;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.clean_start = false, .session_expiry_s = 10}));
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.drop();
    for (const char* text : {"1", "2"}) scene.alice.publish("a/b", text, {.qos = 1});
    CHECK(scene.alice.publish("a/b", "3", {.qos = 1}) == Reason::quota_exceeded);
    SECTION("its session ends") { scene.pump.advance(seconds(10)); }
    SECTION("it begins a new one") { REQUIRE(scene.bob.connect()); }
    CHECK(scene.alice.publish("a/b", "4", {.qos = 1}) == Reason::success);
}

TEST_CASE("queue_full = refuse: one message beyond max_queued_bytes does not fill a queue",
          "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_queued_bytes = 1'000;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.subscribe("a/b", {.qos = 1});
    if (GENERATE(true, false)) scene.bob.drop();
    scene.alice.publish("a/b", std::string(1'001, 'x'), {.qos = 1});
    CHECK(scene.pump.count(&core::Stats::dropped_queue_full) == 1);
    CHECK(scene.alice.publish("a/b", "2", {.qos = 1}) == Reason::success);
}

TEST_CASE("queue_full = refuse: old QoS 0 that gives way to new refuses nobody", "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_queued_messages = 2;
                    settings.limits.max_output_bytes = 100'000;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    scene.connect();
    scene.bob.subscribe("a/b", {.qos = 1});
    scene.bob.link().network_takes = false;
    scene.alice.publish("a/b", std::string(200'000, 'x'));  // fills the output
    for (const char* text : {"1", "2", "3"}) scene.alice.publish("a/b", text);
    CHECK(scene.pump.count(&core::Stats::dropped_slow) == 1);
    CHECK(scene.alice.publish("a/b", "4", {.qos = 1}) == Reason::success);
    scene.pump.unblock(scene.bob.link());
    CHECK(scene.bob.last().payload == "3");
    CHECK(scene.bob.messages.size() == 3);
}

TEST_CASE("queue_full = refuse: a filter that is unsubscribed refuses nobody", "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_queued_messages = 1;
                    settings.queue_full = core::QueueFull::refuse;
                }));
    REQUIRE(scene.alice.connect());
    REQUIRE(scene.bob.connect({.receive_maximum = 1}));
    scene.bob.acknowledges = false;
    scene.bob.subscribe("a", {.qos = 1});
    scene.bob.subscribe("b", {.qos = 1});
    for (const char* text : {"1", "2", "3"}) scene.alice.publish("a", text, {.qos = 1});
    CHECK(scene.alice.publish("a", "4", {.qos = 1}) == Reason::quota_exceeded);
    CHECK(scene.alice.publish("b", "4", {.qos = 1}) == Reason::quota_exceeded);
    scene.bob.unsubscribe("a");
    CHECK(scene.alice.publish("a", "5", {.qos = 1}) == Reason::success);
    CHECK(scene.alice.publish("b", "5", {.qos = 1}) == Reason::quota_exceeded);
}

// --- the retained store --------------------------------------------------------------------------

TEST_CASE("a retained message beyond max_retained_messages is refused where that can be said",
          "[core][limits]") {
    const Version version = any_version();
    const std::uint8_t qos = any_qos();
    Scene scene(version,
                with([](core::Settings& settings) { settings.limits.max_retained_messages = 1; }));
    scene.connect();
    scene.bob.subscribe("#", {.qos = 2});
    scene.alice.publish("a", "first", {.qos = qos, .retain = true});
    const auto answer = scene.alice.publish("b", "second", {.qos = qos, .retain = true});
    if (qos > 0 && version == Version::v5) {
        CHECK(answer == Reason::quota_exceeded);
        CHECK(scene.bob.payloads() == Texts{"first"});
    } else {
        CHECK(answer == (qos > 0 ? std::optional(Reason::success) : std::nullopt));
        CHECK(scene.bob.payloads() == Texts{"first", "second"});
    }
    CHECK(scene.pump.count(&core::Stats::retained_refused) == 1);
    scene.alice.publish("a", "in its place", {.qos = qos, .retain = true});
    CHECK(scene.pump.count(&core::Stats::retained_refused) == 1);
}

// --- sessions ------------------------------------------------------------------------------------

TEST_CASE("beyond max_sessions a client id without a session is refused", "[core][limits]") {
    Scene scene(any_version(),
                with([](core::Settings& settings) { settings.limits.max_sessions = 2; }));
    REQUIRE(scene.alice.connect(persistent));
    REQUIRE(scene.bob.connect(persistent));
    scene.bob.drop();
    TestClient carol = scene.client(2, "carol", scene.alice.version);
    CHECK_FALSE(carol.connect());
    CHECK(carol.connack().reason ==
          (carol.version == Version::v5 ? Reason::quota_exceeded : static_cast<Reason>(3)));
    REQUIRE(scene.bob.connect(persistent));
    CHECK(scene.bob.connack().session_present);
    scene.bob.drop();
    REQUIRE(scene.bob.connect());  // in the place of its own
    scene.bob.disconnect();
    REQUIRE(carol.connect());
}

TEST_CASE("a client whose new connection takes over needs no further session", "[core][limits]") {
    Scene scene(any_version(), with([](core::Settings& settings) {
                    settings.limits.max_sessions = 1;
                    settings.duplicate_client_id =
                        GENERATE(core::DuplicatePolicy::take_over, core::DuplicatePolicy::reject);
                }));
    REQUIRE(scene.bob.connect());
    scene.bob.link().host_is_up = false;
    scene.bob.send_connect({});
    scene.pump.advance(seconds(3));
    REQUIRE(scene.bob.is_connected());
    CHECK(scene.bob.ping());
    CHECK_FALSE(scene.alice.connect());
}

// --- rates ---------------------------------------------------------------------------------------

TEST_CASE("messages_per_second: what comes faster is read later, and nothing is lost",
          "[core][limits]") {
    Scene scene(any_version(),
                with([](core::Settings& settings) { settings.limits.messages_per_second = 10; }));
    scene.connect();
    scene.bob.subscribe("a/b", {.qos = 1});
    for (int i = 0; i < 25; ++i) scene.alice.send_publish("a/b", std::to_string(i), {.qos = 1});
    scene.pump.settle();
    CHECK(scene.bob.messages.size() == 10);  // a second's worth at once
    scene.pump.advance(milliseconds(99));
    CHECK(scene.bob.messages.size() == 10);
    scene.pump.advance(milliseconds(1));
    CHECK(scene.bob.messages.size() == 11);
    for (int i = 0; i < 14; ++i) scene.pump.advance(milliseconds(100));
    REQUIRE(scene.bob.messages.size() == 25);
    for (int i = 0; i < 25; ++i)
        CHECK(scene.bob.messages[static_cast<std::size_t>(i)].payload == std::to_string(i));
    CHECK(scene.alice.count_of(PacketType::puback) == 25);
    CHECK(unread(scene.alice) == 0);
    CHECK(scene.bob.ping());  // who sends little is not held
}

TEST_CASE("bytes_per_second counts all that a client sends", "[core][limits]") {
    Scene scene(Version::v5,
                with([](core::Settings& settings) { settings.limits.bytes_per_second = 1'000; }));
    scene.connect();
    scene.bob.subscribe("a");
    const std::string text(500 - 6, 'x');  // with its header and the topic: 500 bytes
    for (int i = 0; i < 4; ++i) scene.alice.send_publish("a", text, {});
    scene.pump.settle();
    CHECK(scene.bob.messages.size() == 2);
    scene.pump.advance(milliseconds(20));
    CHECK(scene.bob.messages.size() == 3);
    scene.pump.advance(milliseconds(480));
    CHECK(scene.bob.messages.size() == 3);
    scene.pump.advance(milliseconds(20));
    CHECK(scene.bob.messages.size() == 4);
}

TEST_CASE("MQTT5-3.1.2-22: the silence of a client that is not read is not held against it",
          "[core][limits]") {
    Scene scene(any_version(),
                with([](core::Settings& settings) { settings.limits.messages_per_second = 1; }));
    REQUIRE(scene.alice.connect({.keep_alive_s = 2}));
    for (int i = 0; i < 8; ++i) scene.alice.send_publish("a/b", "x", {});
    for (int i = 0; i < 7; ++i) {
        CHECK(scene.alice.is_connected());
        scene.pump.advance(seconds(1));
    }
    CHECK(unread(scene.alice) == 0);
    scene.pump.advance(milliseconds(2'999));
    CHECK(scene.alice.is_connected());
    scene.pump.advance(milliseconds(1));
    CHECK(scene.alice.was_closed());  // now it is
}

TEST_CASE("a client that leaves while it is held back is gone at once", "[core][limits]") {
    Scene scene(any_version(),
                with([](core::Settings& settings) { settings.limits.messages_per_second = 1; }));
    REQUIRE(scene.alice.connect());
    for (int i = 0; i < 5; ++i) scene.alice.send_publish("a/b", "x", {});
    scene.pump.settle();
    scene.alice.drop();
    scene.pump.advance(seconds(10));
    CHECK(scene.pump.count(&core::Stats::connections) == 0);
    REQUIRE(scene.alice.connect());
    CHECK(scene.alice.ping());
}

// --- one client's share of a turn ----------------------------------------------------------------

TEST_CASE("a flood is taken in piece by piece, and whole", "[core][limits]") {
    Scene scene;
    scene.connect();
    scene.bob.subscribe("a/b", {});
    constexpr std::size_t flood = 3 * share_in_packets;
    for (std::size_t i = 0; i < flood; ++i) scene.alice.send_publish("a/b", std::to_string(i), {});
    scene.pump.settle();
    REQUIRE(scene.bob.messages.size() == flood);
    for (std::size_t i = 0; i < flood; ++i)
        REQUIRE(scene.bob.messages[i].payload == std::to_string(i));
}

TEST_CASE("in one turn a client gets its share and no more", "[core][limits]") {
    Scene scene(any_version(), {}, Cast{1});
    scene.connect();
    core::Shard& shard = scene.pump.broker().shard(0);
    std::string flood;
    for (std::size_t i = 0; i < 2 * share_in_packets; ++i) flood += std::string("\xC0\0", 2);
    shard.begin_turn(scene.pump.now());
    const std::size_t used = shard.receive(scene.alice.link(), as_bytes(flood));
    shard.end_turn();
    CHECK(used == 2 * share_in_packets);  // of two bytes each
    CHECK(scene.alice.link().pause == core::Link::Pause::this_turn);
}

TEST_CASE("a SUBSCRIBE and an UNSUBSCRIBE with thousands of filters are answered once and whole",
          "[core][limits]") {
    const Version version = any_version();
    Scene scene(version, with([](core::Settings& settings) {
                    settings.limits.max_subscriptions_per_client = 3'000;
                }));
    scene.connect();
    constexpr std::size_t count = 5'000;
    std::vector<std::string> filters;
    for (std::size_t i = 0; i < count; ++i)
        filters.push_back((i % 2 == 0 ? "a/+/" : "$share/g/") + std::to_string(i));
    std::vector<wire::SubscriptionRequest> requests;
    for (const std::string& filter : filters) requests.push_back({filter, {.qos = 1}});
    std::vector<std::string_view> names(filters.begin(), filters.end());

    Buffer out;
    wire::encode_subscribe(7, requests, {}, version, out);
    scene.bob.send_bytes(out.bytes());
    scene.pump.settle();
    REQUIRE(scene.bob.count_of(PacketType::suback) == 1);
    const Packet suback = *scene.bob.last_of(PacketType::suback);
    CHECK(suback.packet_id == 7);
    REQUIRE(suback.codes.size() == count);
    const auto refused = static_cast<std::uint8_t>(
        version == Version::v5 ? Reason::quota_exceeded : Reason::unspecified_error);
    for (std::size_t i = 0; i < count; ++i) REQUIRE(suback.codes[i] == (i < 3'000 ? 1 : refused));
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 3'000);
    scene.alice.publish("a/b/2998", "yes", {.qos = 1});
    scene.alice.publish("a/b/3000", "no", {.qos = 1});
    scene.alice.publish("2999", "yes, too", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"yes", "yes, too"});

    Buffer back;
    wire::encode_unsubscribe(8, names, {}, version, back);
    scene.bob.send_bytes(back.bytes());
    scene.pump.settle();
    REQUIRE(scene.bob.count_of(PacketType::unsuback) == 1);
    if (version == Version::v5)
        CHECK(scene.bob.last_of(PacketType::unsuback)->codes.size() == count);
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 0);
    CHECK(scene.bob.ping());
}

TEST_CASE("a client that goes in the middle of its SUBSCRIBE leaves nothing behind",
          "[core][limits]") {
    Scene scene(Version::v5, {}, Cast{1});
    scene.connect();
    std::vector<std::string> filters;
    for (std::size_t i = 0; i < share_in_packets; ++i) filters.push_back(std::to_string(i));
    std::vector<wire::SubscriptionRequest> requests;
    for (const std::string& filter : filters) requests.push_back({filter, {}});
    Buffer out;
    wire::encode_subscribe(7, requests, {}, Version::v5, out);
    core::Shard& shard = scene.pump.broker().shard(0);
    shard.begin_turn(scene.pump.now());
    CHECK(shard.receive(scene.bob.link(), out.bytes()) == 0);
    CHECK(scene.bob.link().pause == core::Link::Pause::this_turn);
    shard.end_turn();
    scene.bob.drop();
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 0);
    CHECK(scene.pump.count(&core::Stats::sessions) == 1);
    REQUIRE(scene.bob.connect());
    CHECK(scene.bob.subscribe("a") == Reason::success);
}

TEST_CASE("a session with many subscriptions ends in pieces, and its client can be back before",
          "[core][limits]") {
    Scene scene(Version::v5, with([](core::Settings& settings) {
                    settings.limits.max_subscriptions_per_client = 10'000;
                }));
    scene.connect();
    for (int i = 0; i < 3'000; ++i)
        scene.bob.send_subscribe("a/+/" + std::to_string(i % 2 == 0 ? i : -i), {.qos = 1});
    scene.pump.settle();
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 3'000);
    scene.bob.send_drop();
    REQUIRE(scene.bob.connect());
    scene.bob.subscribe("a/b/2", {.qos = 1});
    scene.alice.publish("a/b/2", "once", {.qos = 1});
    CHECK(scene.bob.payloads() == Texts{"once"});
    CHECK(scene.pump.count(&core::Stats::subscriptions) == 1);
    CHECK(scene.pump.count(&core::Stats::sessions) == 2);
}

// --- what is due ---------------------------------------------------------------------------------

TEST_CASE(
    "MQTT5-4.1.0-2: a client that comes back too late finds no session, however busy the broker",
    "[core][limits]") {
    Scene scene(Version::v5, {}, Cast{1});
    REQUIRE(scene.alice.connect());
    scene.alice.subscribe("will");
    const bool late = GENERATE(true, false);
    REQUIRE(scene.bob.connect({.clean_start = false,
                               .session_expiry_s = 10,
                               .will = TestWill{.topic = "will", .payload = "bye", .delay_s = 5}}));
    scene.bob.drop();
    // The CONNECT is read before the turn looks at its deadlines.
    scene.pump.pass(late ? seconds(10) : milliseconds(4'999));
    REQUIRE(scene.bob.connect({.clean_start = false, .session_expiry_s = 10}));
    CHECK(scene.bob.connack().session_present == !late);
    CHECK(scene.alice.messages.size() == (late ? 1 : 0));
}
