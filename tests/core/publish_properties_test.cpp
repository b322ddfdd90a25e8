// PublishProperties: which properties of a PUBLISH are the broker's and which the receivers'.
// MQTT 5.0, section 3.3.2.3.
#include "broker/core/publish_properties.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace drawbridge;
using namespace drawbridge::core;
using wire::PropertyId;
using wire::PropertyWriter;

TEST_CASE("no properties: nothing to forward, nothing to do", "[core][properties][v5]") {
    Buffer scratch;
    const PublishProperties sorted = sort_properties(wire::PropertyList(), scratch);
    CHECK(sorted.forwarded.empty());
    CHECK_FALSE(sorted.expiry_s.has_value());
    CHECK_FALSE(sorted.topic_alias.has_value());
    CHECK(sorted.delay_s == 0);
    CHECK_FALSE(sorted.has_subscription_id);
}

TEST_CASE(
    "MQTT5-3.3.2-4, MQTT5-3.3.2-15, MQTT5-3.3.2-16, MQTT5-3.3.2-17, MQTT5-3.3.2-18, "
    "MQTT5-3.3.2-20: format, "
    "response topic, correlation data, user properties and content type are forwarded unchanged "
    "and in order",
    "[core][properties][v5]") {
    PropertyWriter theirs;
    theirs.user("b", "1");
    theirs.number(PropertyId::payload_format_indicator, 1);
    theirs.text(PropertyId::content_type, "text/plain");
    theirs.user("a", "2");
    theirs.text(PropertyId::response_topic, "answers");
    theirs.text(PropertyId::correlation_data, std::string_view("\0\xFF", 2));
    theirs.user("b", "1");
    Buffer scratch;
    const PublishProperties sorted = sort_properties(theirs.list(), scratch);
    CHECK(as_text(sorted.forwarded) == as_text(theirs.list().bytes()));
    CHECK_FALSE(sorted.expiry_s.has_value());
}

TEST_CASE(
    "expiry, topic alias, will delay and subscription identifier are taken out of what is "
    "forwarded",
    "[core][properties][v5]") {
    PropertyWriter sent;
    sent.number(PropertyId::message_expiry_interval, 3'600);
    sent.user("first", "1");
    sent.number(PropertyId::topic_alias, 9);
    sent.number(PropertyId::subscription_identifier, 5);
    sent.user("second", "2");
    sent.number(PropertyId::will_delay_interval, 20);
    PropertyWriter forwarded;
    forwarded.user("first", "1").user("second", "2");

    Buffer scratch;
    scratch.append(as_bytes("left over from the packet before"));
    const PublishProperties sorted = sort_properties(sent.list(), scratch);
    CHECK(as_text(sorted.forwarded) == as_text(forwarded.list().bytes()));
    CHECK(sorted.expiry_s == 3'600u);
    CHECK(sorted.topic_alias == 9u);
    CHECK(sorted.delay_s == 20);
    CHECK(sorted.has_subscription_id);
}
