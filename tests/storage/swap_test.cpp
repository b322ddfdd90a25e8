// Replacing files: all or none, wherever it is interrupted, and the old ones are kept.
#include "storage/swap.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "storage/database.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::storage {
namespace {

using Catch::Matchers::Contains;

// Two files to replace, one to move away, and a directory to replace.
const std::vector<Replacement> plan = {{"log", "", "kept/log"},
                                       {"a", "new/a", "kept/a"},
                                       {"b", "new/b", "kept/b"},
                                       {"tls", "new/tls", "kept/tls"}};

class Directory {
public:
    Directory() {
        for (const char* name : {"new", "kept", "tls", "new/tls"})
            std::filesystem::create_directory(path() / name);
        for (const char* name : {"log", "a", "b", "tls/key"}) write(name, "old");
        for (const char* name : {"new/a", "new/b", "new/tls/key"}) write(name, "new");
    }
    const std::filesystem::path& path() const { return directory_.path(); }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path() / name) << text;
    }
    // "" if it is not there.
    std::string read(const std::string& name) const {
        std::ifstream in(path() / name);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void check_new() const {
        CHECK(read("a") + read("b") + read("tls/key") + read("log") == "newnewnew");
        CHECK(read("kept/a") + read("kept/b") + read("kept/tls/key") + read("kept/log") ==
              "oldoldoldold");
        CHECK_FALSE(is_swap_pending(path()));
    }

private:
    test::TemporaryDirectory directory_;
};

TEST_CASE("files are replaced, and the old ones are kept", "[storage][swap]") {
    const Directory directory;
    swap_files(directory.path(), plan);
    directory.check_new();
    CHECK_FALSE(finish_swap(directory.path()));
    directory.check_new();
}

TEST_CASE("what was not there is only made", "[storage][swap]") {
    const Directory directory;
    std::filesystem::remove(directory.path() / "a");
    swap_files(directory.path(), {{"a", "new/a", "kept/a"}, {"none", "", "kept/none"}});
    CHECK(directory.read("a") == "new");
    CHECK(directory.read("kept/a").empty());
}

TEST_CASE("an interrupted swap is completed, whatever was done of it", "[storage][swap]") {
    // The renames, in their order; interrupted after each.
    const std::pair<const char*, const char*> renames[] = {
        {"log", "kept/log"}, {"a", "kept/a"},     {"new/a", "a"},    {"b", "kept/b"},
        {"new/b", "b"},      {"tls", "kept/tls"}, {"new/tls", "tls"}};
    for (std::size_t done = 0; done <= std::size(renames); ++done) {
        const Directory directory;
        for (std::size_t i = 0; i < done; ++i)
            std::filesystem::rename(directory.path() / renames[i].first,
                                    directory.path() / renames[i].second);
        std::string list;
        for (const Replacement& one : plan)
            list += one.target + '\t' + one.replacement + '\t' + one.kept + '\n';
        directory.write("swap.pending", list);
        CHECK(finish_swap(directory.path()));
        directory.check_new();
    }
}

TEST_CASE("a list that was not finished is as if there were none", "[storage][swap]") {
    const Directory directory;
    directory.write("swap.pending.new", "a\tnew/a\tkept/a\n");
    CHECK_FALSE(finish_swap(directory.path()));
    CHECK(directory.read("a") == "old");
}

TEST_CASE("no database is opened or made in a directory whose files are being replaced",
          "[storage][swap]") {
    const Directory directory;
    constexpr const char* migrations[] = {"CREATE TABLE pumps (name TEXT)"};
    const Schema schema{.application_id = 77, .migrations = migrations};
    directory.write("swap.pending", "");
    CHECK_THROWS_WITH(open_database(directory.path() / "x.db", schema),
                      Contains("are being replaced"));
    CHECK_FALSE(std::filesystem::exists(directory.path() / "x.db"));
    finish_swap(directory.path());
    CHECK_NOTHROW(open_database(directory.path() / "x.db", schema));
}

}  // namespace
}  // namespace drawbridge::storage
