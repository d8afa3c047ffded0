"""What docstrings say of the columns of tables."""

import pytest

from unstuck.described import Column, Table, described


def maker(text):
    def made():
        pass

    made.__doc__ = text
    return made


def test_tables_are_read_with_what_goes_on_in_further_lines():
    found = described(
        maker(
            """Make tables.

            Parameters
            ----------
            rows
                No table.

            Returns
            -------
            epochs
                One row an order
                and epoch.
                low, high (number, nats): End of the
                    interval, (low, high].
                name (string): Whose it is: a or b.
                Also: seed, lr.
            empty
                One row a thing.

            Raises
            ------
            error
                If so.
            """
        )
    )
    meaning = "End of the interval, (low, high]."
    assert found == {
        "epochs": Table(
            "One row an order and epoch.",
            (
                Column("low", "number", "nats", meaning),
                Column("high", "number", "nats", meaning),
                Column("name", "string", "", "Whose it is: a or b."),
                Column("seed"),
                Column("lr"),
            ),
        ),
        "empty": Table("One row a thing.", ()),
    }


@pytest.mark.parametrize("text", [None, "Make.", "Make.\n\nReturns\n-------\nA table."])
def test_who_tells_of_no_table_makes_none(text):
    assert described(maker(text)) == {}


@pytest.mark.parametrize("line", ["lr (float): Rate.", "lr: Rate.", "Also lr."])
def test_a_line_that_describes_no_column_is_refused(line):
    text = f"Make.\n\nReturns\n-------\nruns\n    One row a run.\n    a (string): A.\n    {line}\n"
    with pytest.raises(ValueError, match="describes no column"):
        described(maker(text))
