// Message: what a PUBLISH says, in one allocation.
#include "broker/core/message.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using drawbridge::test::ExactBytes;

TEST_CASE("a Message says what its view said, after the bytes of the view are gone",
          "[core][message]") {
    MessagePtr message;
    {
        const ExactBytes topic(as_bytes("a/topic"));
        const ExactBytes properties(as_bytes("properties"));
        const ExactBytes payload(as_bytes("the payload"));
        MessageView view;
        view.topic = as_text(topic.bytes());
        view.properties = properties.bytes();
        view.payload = payload.bytes();
        view.qos = 2;
        view.retain = true;
        view.expires_at = TimePoint(seconds(7));
        message = Message::copy_of(view);
    }
    const MessageView kept = message->view();
    CHECK(kept.topic == "a/topic");
    CHECK(as_text(kept.properties) == "properties");
    CHECK(as_text(kept.payload) == "the payload");
    CHECK(kept.qos == 2);
    CHECK(kept.retain);
    CHECK(kept.expires_at == TimePoint(seconds(7)));
    CHECK(message->bytes() == 7 + 10 + 11);
}

TEST_CASE("a Message is one allocation: its content lies right behind it", "[core][message]") {
    MessageView view;
    view.topic = "topic";
    view.properties = as_bytes("properties");
    view.payload = as_bytes("payload");
    const MessagePtr message = Message::copy_of(view);
    const auto* const behind = reinterpret_cast<const std::uint8_t*>(message.get() + 1);
    const MessageView kept = message->view();
    CHECK(as_bytes(kept.topic).data() == behind);
    CHECK(kept.properties.data() == behind + 5);
    CHECK(kept.payload.data() == behind + 15);
}

TEST_CASE("a Message may have nothing but a topic, or the longest one", "[core][message]") {
    MessageView view;
    view.topic = "t";
    const MessagePtr bare = Message::copy_of(view);
    CHECK(bare->view().topic == "t");
    CHECK(bare->view().payload.empty());
    CHECK(bare->view().properties.empty());
    CHECK_FALSE(bare->view().expires());
    CHECK(bare->bytes() == 1);

    const std::string longest(65'535, 'x');
    const std::vector<std::uint8_t> payload(70'000, 0xA5);
    view.topic = longest;
    view.payload = payload;
    const MessagePtr large = Message::copy_of(view);
    CHECK(large->view().topic == longest);
    CHECK(as_text(large->view().payload) == as_text(payload));
    CHECK(large->bytes() == 135'535);
}

TEST_CASE("MQTT5-3.3.2-5: a message has expired when its time has come, and not before",
          "[core][message][v5]") {
    MessageView view;
    CHECK_FALSE(view.expires());
    CHECK_FALSE(view.expired(TimePoint::max() - Duration(1)));
    view.expires_at = TimePoint(seconds(10));
    CHECK(view.expires());
    CHECK_FALSE(view.expired(TimePoint(seconds(10)) - Duration(1)));
    CHECK(view.expired(TimePoint(seconds(10))));
}

TEST_CASE("threads may share a Message; the last one frees it", "[core][message]") {
    MessageView view;
    view.topic = "topic";
    MessagePtr message = Message::copy_of(view);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([message] {
            for (int round = 0; round < 1'000; ++round) const MessagePtr copy = message;
        });
    message.reset();
    for (std::thread& thread : threads) thread.join();
}
