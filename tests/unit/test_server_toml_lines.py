"""The lines of a TOML file that its keys stand on."""

from aoeinit.server.toml_lines import key_lines


def test_lines_are_those_of_the_statements() -> None:
    text = (
        'a = 1\n# b = 2\nb = """\nc = 3\n"""\n[t]\nx.y = 1\n[[l]]\nn = 1\n\n[[l]]\nn = [\n2]\n[l.s]\nz = 1\n'
    )
    assert key_lines(text) == {
        ("a",): 1,
        ("b",): 3,
        ("t",): 6,
        ("t", "x"): 7,
        ("t", "x", "y"): 7,
        ("l", 0): 8,
        ("l", 0, "n"): 9,
        ("l", 1): 11,
        ("l", 1, "n"): 12,
        ("l", 1, "s"): 14,
        ("l", 1, "s", "z"): 15,
    }


def test_a_line_that_ends_in_a_comma_ends_no_statement_unless_in_a_comment() -> None:
    text = 'a = [\n1,\n2, # two,\n3,\n]\n# b,\nb = 1 # c,\nc = """\nd,\n"""\n"d," = 1\ne = 2\n'
    assert key_lines(text) == {("a",): 1, ("b",): 7, ("c",): 8, ("d,",): 11, ("e",): 12}
