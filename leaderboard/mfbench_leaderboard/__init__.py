"""The leaderboard, a Streamlit app over a store: pure ``data``, ``figures``, ``views`` with the widgets."""
