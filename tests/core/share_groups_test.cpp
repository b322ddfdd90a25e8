// ShareGroups: the shared subscriptions whose home is one shard. MQTT 5.0, section 4.8.2.
#include "broker/core/share_groups.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "broker/core/subscription_index.hpp"
#include "tests/support/test_identity.hpp"

using namespace drawbridge;
using namespace drawbridge::core;
using Kind = ShareNews::Kind;
using State = MemberState;

namespace {

const MessageView message = [] {
    MessageView made;
    made.topic = "a/b";
    return made;
}();

ShareMember member(MemberKey key, test::Rules rules = {}) {
    ShareMember made;
    made.key = key;
    made.identity = test::identity("member", std::move(rules));
    return made;
}

ShareNews news(Kind kind, MemberKey key, std::string share = "group", std::string filter = "a/+") {
    ShareNews made;
    made.kind = kind;
    made.member = key;
    made.share = std::move(share);
    made.filter = std::move(filter);
    if (kind == Kind::joined) made.identity = test::identity("member");
    return made;
}

// 0: nobody.
MemberKey pick(ShareGroup& group, const MessageView& of = message) {
    std::uint64_t steps = 0;
    const ShareMember* const picked = group.pick(of, 0, steps);
    return picked == nullptr ? 0 : picked->key;
}

const ShareMember* pick_other(ShareGroup& group, MemberKey except,
                              const MessageView& of = message) {
    std::uint64_t steps = 0;
    return group.pick_other(of, except, steps);
}

std::vector<MemberKey> picks(ShareGroup& group, int count, const MessageView& of = message) {
    std::vector<MemberKey> keys;
    for (; count > 0; --count) keys.push_back(pick(group, of));
    return keys;
}

std::size_t groups_matching(const SubscriptionIndex& index, std::string_view topic) {
    std::vector<const FilterEntry*> entries;
    index.match(topic, entries);
    std::size_t count = 0;
    for (const FilterEntry* entry : entries) count += entry->groups ? entry->groups->size() : 0;
    return count;
}

using Keys = std::vector<MemberKey>;

}  // namespace

TEST_CASE("an empty group picks nobody", "[core][share]") {
    ShareGroup group(1, "g", "f");
    CHECK(group.empty());
    CHECK(pick(group) == 0);
    CHECK(pick_other(group, 5) == nullptr);
}

TEST_CASE("members are picked in turn", "[core][share]") {
    ShareGroup group(1, "g", "f");
    for (const MemberKey key : {1, 2, 3}) group.join(member(key));
    CHECK(picks(group, 7) == Keys{1, 2, 3, 1, 2, 3, 1});
    group.leave(2);
    const Keys after = picks(group, 4);
    CHECK(after[0] != after[1]);
    CHECK(after[0] == after[2]);
    CHECK(after[1] == after[3]);
    group.leave(1);
    CHECK(picks(group, 2) == Keys{3, 3});
    group.leave(3);
    CHECK(pick(group) == 0);
}

TEST_CASE("those that can take a message come first, then those connected, then those away",
          "[core][share]") {
    ShareGroup group(1, "g", "f");
    for (const MemberKey key : {1, 2, 3, 4}) group.join(member(key));
    group.set_state(1, State::away);
    group.set_state(3, State::busy);
    CHECK(picks(group, 4) == Keys{2, 4, 2, 4});
    group.set_state(2, State::busy);
    CHECK(picks(group, 3) == Keys{4, 4, 4});
    group.set_state(4, State::away);
    CHECK(picks(group, 4) == Keys{3, 2, 3, 2});
    group.set_state(2, State::away);
    group.set_state(3, State::away);
    const Keys all_away = picks(group, 8);
    std::map<MemberKey, int> count;
    for (const MemberKey key : all_away) ++count[key];
    CHECK(count == std::map<MemberKey, int>{{1, 2}, {2, 2}, {3, 2}, {4, 2}});
    group.set_state(1, State::available);
    CHECK(picks(group, 2) == Keys{1, 1});
}

TEST_CASE("what a member leaves is for another one that is connected, or for none",
          "[core][share]") {
    ShareGroup group(1, "g", "f");
    for (const MemberKey key : {1, 2, 3}) group.join(member(key));
    Keys others;
    for (int i = 0; i < 4; ++i) others.push_back(pick_other(group, 2)->key);
    CHECK(others == Keys{1, 3, 1, 3});
    group.set_state(1, State::away);
    group.set_state(3, State::busy);
    CHECK(pick_other(group, 2)->key == 3);
    group.set_state(3, State::away);
    CHECK(pick_other(group, 2) == nullptr);
}

TEST_CASE("none is picked that may not have the message, and the others take turns",
          "[core][share][tenants]") {
    ShareGroup group(1, "g", "f");
    group.join(member(1, {.tenant = "acme"}));
    group.join(member(2, {.tenant = "acme"}));
    group.join(member(3, {.tenant = "birch"}));
    group.join(member(4, {.tenant = "birch"}));
    MessageView of_acme = message;
    of_acme.tenant = tenant_id("acme");
    MessageView of_birch = message;
    of_birch.tenant = tenant_id("birch");
    Keys keys;  // one by one, so that the turns of one tenant come between those of the other
    for (int i = 0; i < 4; ++i)
        for (const MessageView& one : {of_acme, of_birch}) keys.push_back(pick(group, one));
    CHECK(keys == Keys{1, 3, 2, 4, 1, 3, 2, 4});
    group.set_state(1, State::away);  // who is away comes before who may not have it
    group.leave(2);
    CHECK(pick(group, of_acme) == 1);
    CHECK(pick_other(group, 3, of_acme) == nullptr);
    CHECK(picks(group, 2) == Keys{3, 4});  // of no tenant
    group.leave(1);
    CHECK(pick(group, of_acme) == 0);
    group.join(member(5, {.tenant = "birch", .across_tenants = {"a/#"}}));
    group.join(member(6, {.deny_subscribe = {"a/b"}}));
    CHECK(picks(group, 2, of_acme) == Keys{5, 5});
    of_acme.topic = "b";
    CHECK(picks(group, 2, of_acme) == Keys{6, 6});
}

TEST_CASE("the members that are looked at are counted", "[core][share]") {
    ShareGroup group(1, "g", "f");
    for (const MemberKey key : {1, 2, 3}) group.join(member(key, {.deny_subscribe = {"a/b"}}));
    group.join(member(4));
    std::uint64_t steps = 0;
    CHECK(group.pick(message, 0, steps)->key == 4);
    CHECK(steps == 4);
}

TEST_CASE("a member that joins again has its new options and is there once", "[core][share]") {
    ShareGroup group(1, "g", "f");
    group.join(member(1));
    ShareMember again = member(1);
    again.qos = 2;
    again.subscription_id = 9;
    again.retain_as_published = true;
    group.join(again);
    std::uint64_t steps = 0;
    const ShareMember* const picked = group.pick(message, 0, steps);
    REQUIRE(picked != nullptr);
    CHECK(picked->qos == 2);
    CHECK(picked->subscription_id == 9);
    CHECK(picked->retain_as_published);
    group.leave(1);
    CHECK(group.empty());
}

TEST_CASE("a group comes with its first member and goes with its last", "[core][share]") {
    SubscriptionIndex index;
    ShareGroups groups(index);
    CHECK(groups.apply(news(Kind::joined, 1)));
    CHECK_FALSE(groups.apply(news(Kind::joined, 2)));
    CHECK(groups_matching(index, "a/b") == 1);
    CHECK(groups_matching(index, "b/b") == 0);
    CHECK_FALSE(groups.apply(news(Kind::left, 1)));
    CHECK(groups_matching(index, "a/b") == 1);
    CHECK(groups.apply(news(Kind::left, 2)));
    CHECK(groups_matching(index, "a/b") == 0);
}

TEST_CASE("news of a group that is not there change nothing", "[core][share]") {
    SubscriptionIndex index;
    ShareGroups groups(index);
    for (const Kind kind : {Kind::left, Kind::available, Kind::busy, Kind::away})
        CHECK_FALSE(groups.apply(news(kind, 1)));
    CHECK(groups_matching(index, "a/b") == 0);
    groups.apply(news(Kind::joined, 1));
    CHECK_FALSE(groups.apply(news(Kind::left, 2)));
    CHECK(groups_matching(index, "a/b") == 1);
}

TEST_CASE("share name and filter together name a group", "[core][share]") {
    SubscriptionIndex index;
    ShareGroups groups(index);
    CHECK(groups.apply(news(Kind::joined, 1, "x", "a/+")));
    CHECK(groups.apply(news(Kind::joined, 1, "y", "a/+")));
    CHECK(groups.apply(news(Kind::joined, 1, "x", "a/b")));
    CHECK(groups_matching(index, "a/b") == 3);
    CHECK(groups_matching(index, "a/c") == 2);
    CHECK(groups.apply(news(Kind::left, 1, "y", "a/+")));
    CHECK(groups_matching(index, "a/b") == 2);
}

TEST_CASE("a group is found by its id, and by that of one that has gone there is none",
          "[core][share]") {
    SubscriptionIndex index;
    ShareGroups groups(index);
    CHECK(groups.find(1) == nullptr);
    groups.apply(news(Kind::joined, 7));
    std::vector<const FilterEntry*> entries;
    index.match("a/b", entries);
    REQUIRE(entries.size() == 1);
    ShareGroup* const group = entries[0]->groups->at(0);
    const std::uint64_t id = group->id();
    CHECK(id != 0);
    CHECK(group->filter() == "a/+");
    CHECK(groups.find(id) == group);
    groups.apply(news(Kind::left, 7));
    CHECK(groups.find(id) == nullptr);
    groups.apply(news(Kind::joined, 7));
    CHECK(groups.find(id) != nullptr);  // a name has one id for ever
    CHECK(groups.find(id)->filter() == "a/+");
}

TEST_CASE("MQTT5-4.8.2-3: each member keeps the options it subscribed with, its state and rules",
          "[core][share][v5]") {
    SubscriptionIndex index;
    ShareGroups groups(index);
    ShareNews first = news(Kind::joined, 1);
    first.qos = 2;
    first.shard = 3;
    first.subscription_id = 5;
    first.retain_as_published = true;
    groups.apply(first);
    groups.apply(news(Kind::joined, 2));
    std::vector<const FilterEntry*> entries;
    index.match("a/b", entries);
    ShareGroup& group = *entries.at(0)->groups->at(0);
    const ShareMember* const picked = pick_other(group, 2);
    REQUIRE(picked != nullptr);
    CHECK(picked->key == 1);
    CHECK(picked->qos == 2);
    CHECK(picked->shard == 3);
    CHECK(picked->subscription_id == 5);
    CHECK(picked->retain_as_published);
    CHECK(pick_other(group, 1)->qos == 0);

    CHECK_FALSE(groups.apply(news(Kind::busy, 1)));
    CHECK(picks(group, 2) == Keys{2, 2});
    CHECK_FALSE(groups.apply(news(Kind::away, 2)));
    CHECK(picks(group, 2) == Keys{1, 1});
    CHECK_FALSE(groups.apply(news(Kind::available, 2)));
    CHECK(picks(group, 2) == Keys{2, 2});

    ShareNews changed = news(Kind::new_rules, 2);
    changed.identity = test::identity("member", {.deny_subscribe = {"a/b"}});
    CHECK_FALSE(groups.apply(changed));
    CHECK(picks(group, 2) == Keys{1, 1});
}
