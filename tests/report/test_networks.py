import pytest

from mnistgen.report import networks
from mnistgen.report.paper import GANS, VAES

TOTALS = {  # of the paper's tables, by hand; biases and batch norm's weights counted
    ("densegan", "generator"): "685,184",
    ("densegan", "discriminator"): "683,501",
    ("densegan_deep", "generator"): "1,216,684",
    ("densegan_deep", "discriminator"): "1,176,801",
    ("cnngan", "generator"): "338,625",
    ("cnngan", "discriminator"): "259,521",
    ("densevae", "encoder"): "688,958",
    ("densevae", "decoder"): "689,534",
    ("cnnvae", "encoder"): "298,452",
    ("cnnvae", "decoder"): "351,073",
}


@pytest.fixture(scope="module")
def rows():
    return [row for models in (GANS, VAES) for row in networks.table(models).rows]


def test_the_parameters_of_the_rows_add_up_to_those_of_the_network(rows):
    sums = {}
    for model, part, _, layer, _, parameters in rows:
        count = int(parameters.replace(",", "") or 0)
        if layer == "total":
            assert parameters == TOTALS[model, part]
            assert sums.pop((model, part)) == count
        else:
            sums[model, part] = sums.get((model, part), 0) + count
    assert sums == {}


def test_a_table_reads_as_in_the_paper(rows):
    generator = [row[2:] for row in rows if row[:2] == ["cnngan", "generator"]]
    assert generator == [
        ["1", "Input", "10", ""],
        ["2", "Dense(6272), batch norm, ReLU", "6272", "81,536"],
        ["3", "Reshape", "7 x 7 x 128", ""],
        ["4", "Conv2DTranspose(64,5,2), batch norm, ReLU", "14 x 14 x 64", "204,992"],
        ["5", "Conv2DTranspose(32,5,1), batch norm, ReLU", "14 x 14 x 32", "51,296"],
        ["6", "Conv2DTranspose(1,5,2), Tanh", "28 x 28 x 1", "801"],
        ["", "total", "", "338,625"],
    ]
