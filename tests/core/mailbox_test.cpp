// Mailbox: how one shard hands work to another.
// Method: order and sleeping by hand on one thread; then several senders and an owner that sleeps
// whenever it may, to be run with the thread sanitizer, too.
#include "broker/core/mailbox.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "broker/base/limits.hpp"

using namespace drawbridge;
using namespace drawbridge::core;

namespace {

Mail mail_from(unsigned sender, std::uint64_t turn) {
    Mail mail;
    mail.from = sender;
    mail.turn = turn;
    return mail;
}

Mail mail_with(std::size_t published_bytes, std::size_t picked_bytes) {
    Mail mail;
    const std::string payload(std::max(published_bytes, picked_bytes), 'p');
    PublishBatch::Item item;
    item.message.topic = "t";
    if (published_bytes > 0) {
        auto batch = std::make_shared<PublishBatch>();
        item.message.payload = as_bytes(payload).first(published_bytes);
        batch->append(item);
        mail.published = batch;
    }
    if (picked_bytes > 0) {
        item.message.payload = as_bytes(payload).first(picked_bytes);
        mail.shared.append(item);
    }
    return mail;
}

// What wakes a sleeping owner: counts, so that a wake before the sleep is not lost.
class Bell {
public:
    void ring() {
        const std::scoped_lock lock(mutex_);
        ++rung_;
        changed_.notify_one();
    }
    // False: nobody rang for far longer than any test takes.
    bool wait() {
        std::unique_lock lock(mutex_);
        const auto end = std::chrono::system_clock::now() + std::chrono::seconds(30);
        if (!changed_.wait_until(lock, end, [&] { return rung_ > 0; })) return false;
        --rung_;
        return true;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int rung_ = 0;  // guarded by mutex_
};

}  // namespace

TEST_CASE("mail is taken in the order it was posted, all of it and once", "[core][mailbox]") {
    Mailbox mailbox;
    CHECK_FALSE(mailbox.has_mail());
    for (std::uint64_t turn = 1; turn <= 5; ++turn)
        CHECK_FALSE(mailbox.post(mail_from(static_cast<unsigned>(turn % 2), turn)));
    CHECK(mailbox.has_mail());

    std::vector<Mail> mail(3);  // what was in it is replaced
    mailbox.take(mail);
    REQUIRE(mail.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) CHECK(mail[i].turn == i + 1);
    CHECK_FALSE(mailbox.has_mail());
    mailbox.take(mail);
    CHECK(mail.empty());
}

TEST_CASE("mail keeps what was put in", "[core][mailbox]") {
    Mailbox mailbox;
    Mail mail = mail_with(10, 20);
    const PublishBatchPtr batch = mail.published;
    mail.share_news.resize(2);
    mail.share_news[1].filter = "a/+";
    CHECK_FALSE(mailbox.post(std::move(mail)));
    std::vector<Mail> taken;
    mailbox.take(taken);
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].published == batch);
    CHECK_FALSE(taken[0].shared.empty());
    CHECK(taken[0].share_news.at(1).filter == "a/+");
}

TEST_CASE("an owner that sleeps is woken once, by the first mail", "[core][mailbox]") {
    Mailbox mailbox;
    CHECK(mailbox.fall_asleep());
    CHECK(mailbox.post(mail_from(0, 1)));
    CHECK_FALSE(mailbox.post(mail_from(0, 2)));
}

TEST_CASE("an owner does not fall asleep while there is mail, nor is it woken then",
          "[core][mailbox]") {
    Mailbox mailbox;
    CHECK_FALSE(mailbox.post(mail_from(0, 1)));
    CHECK_FALSE(mailbox.fall_asleep());
    CHECK_FALSE(mailbox.post(mail_from(0, 2)));
    std::vector<Mail> mail;
    mailbox.take(mail);
    CHECK(mailbox.fall_asleep());
    CHECK(mailbox.post(mail_from(0, 3)));
}

TEST_CASE("an owner that woke by itself needs no waking", "[core][mailbox]") {
    Mailbox mailbox;
    CHECK(mailbox.fall_asleep());
    mailbox.wake_up();
    CHECK_FALSE(mailbox.post(mail_from(0, 1)));
}

TEST_CASE("a mailbox is full above its bound, drops nothing, and has room once emptied",
          "[core][mailbox]") {
    Mailbox mailbox;
    std::vector<Mail> mail;
    CHECK_FALSE(mailbox.full());
    CHECK_FALSE(mailbox.post(mail_with(limits::mailbox_bytes_max / 2, 0)));
    CHECK_FALSE(mailbox.full());
    CHECK_FALSE(mailbox.post(mail_with(0, limits::mailbox_bytes_max / 2)));
    CHECK(mailbox.full());
    CHECK_FALSE(mailbox.post(mail_with(10, 10)));
    CHECK(mailbox.full());
    mailbox.take(mail);
    CHECK(mail.size() == 3);
    CHECK_FALSE(mailbox.full());
}

TEST_CASE("mail from several threads: nothing lost, each sender's in order, no wake-up missed",
          "[core][mailbox]") {
    constexpr unsigned senders = 2;
    constexpr std::uint64_t mails = 20'000;
    Mailbox mailbox;
    Bell bell;
    std::vector<std::thread> threads;
    for (unsigned sender = 0; sender < senders; ++sender)
        threads.emplace_back([&, sender] {
            for (std::uint64_t turn = 1; turn <= mails; ++turn) {
                Mail mail = mail_with(turn % 16 == 0 ? 100 : 0, 0);
                mail.from = sender;
                mail.turn = turn;
                if (mailbox.post(std::move(mail))) bell.ring();
                if (turn % 64 == 0) std::this_thread::yield();  // the owner may run dry
            }
        });

    std::vector<std::uint64_t> last(senders, 0);
    std::vector<Mail> mail;
    bool in_order = true;
    bool woken = true;
    std::uint64_t taken = 0;
    while (taken < senders * mails && woken) {
        if (!mailbox.has_mail() && mailbox.fall_asleep()) woken = bell.wait();
        mailbox.take(mail);
        for (const Mail& one : mail) in_order &= one.turn == ++last[one.from];
        taken += mail.size();
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(woken);
    CHECK(in_order);
    CHECK(taken == senders * mails);
    CHECK_FALSE(mailbox.has_mail());
}
